// Where a space's weights may lie on this machine.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "io/file_bytes.h"
#include "io/tensor_file.h"
#include "model/detect.h"
#include "model/variants.h"
#include "tae/decoder.h"

namespace tae {
namespace {

namespace fs = std::filesystem;

// What diffusers calls the weights in every repository.
constexpr std::string_view kDiffusersFile =
    "diffusion_pytorch_model.safetensors";
constexpr std::string_view kPublisher = "madebyollin";

std::string Environment(const char* name, const std::string& otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

// "~/weights" as a shell would read it: settings and configuration files do
// not come through one.
std::string WithHome(std::string path) {
  if (path != "~" && !path.starts_with("~/")) return path;
  const std::string home = Environment("HOME");
  return home.empty() ? path : home + path.substr(1);
}

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const size_t colon = list.find(':');
    if (colon != 0)
      parts.push_back(WithHome(std::string(list.substr(0, colon))));
    if (colon == std::string_view::npos) break;
    list.remove_prefix(colon + 1);
  }
  return parts;
}

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// "taef2" of taef2_decoder.pth: also the name of the repository.
std::string BaseName(const VariantInfo& info) {
  const std::string_view file = info.weights_file;
  return std::string(file.substr(0, file.find("_decoder")));
}

// Names that one published decoder goes by: taef2_decoder and taef2, in either
// format.
std::vector<std::string> FileNames(const VariantInfo& info) {
  const std::string file(info.weights_file);
  const std::string stem = file.substr(0, file.rfind('.'));
  const std::string base = BaseName(info);
  return {file, stem + ".safetensors", stem + ".pth", base + ".safetensors",
          base + ".pth"};
}

bool BelongsToAnother(const std::string& file_name, const VariantInfo& info) {
  for (const VariantInfo& other : Variants()) {
    if (other.name == info.name || other.weights_file.empty()) continue;
    for (const std::string& name : FileNames(other)) {
      if (name == file_name) return true;
    }
  }
  return false;
}

// Folders and files in the order in which they are searched.
std::vector<std::string> SearchPath() {
  std::vector<std::string> places = Split(Environment("TAE_MODEL_PATH"));
  const std::string home = Environment("HOME");
  const auto at_home = [&](const char* folder) {
    return home.empty() ? "" : home + folder;
  };
  const std::string data_home =
      Environment("XDG_DATA_HOME", at_home("/.local/share"));
  if (!data_home.empty()) places.push_back(data_home + "/tae");
  for (const std::string& dir :
       Split(Environment("XDG_DATA_DIRS", "/usr/local/share:/usr/share"))) {
    places.push_back(dir + "/tae");
  }
  if (const std::string comfy = Environment("COMFYUI_PATH"); !comfy.empty()) {
    places.push_back(WithHome(comfy) + "/models/vae_approx");
  }
  // What diffusers and huggingface-cli have downloaded.
  const std::string cache = Environment("XDG_CACHE_HOME", at_home("/.cache"));
  const std::string hf_home =
      Environment("HF_HOME", cache.empty() ? "" : cache + "/huggingface");
  const std::string hub =
      Environment("HF_HUB_CACHE", hf_home.empty() ? "" : hf_home + "/hub");
  if (!hub.empty()) places.push_back(WithHome(hub));
  return places;
}

// The folders of a repository's revisions in the hub's cache, sorted by name.
std::vector<fs::path> Snapshots(const fs::path& repository) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(repository / "snapshots", error), end;
       !error && at != end; at.increment(error)) {
    found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The repository's folder in the hub's cache.
std::string CacheName(const std::string& base) {
  return "models--" + std::string(kPublisher) + "--" + base;
}

bool IsCalled(const fs::path& path, const std::string& base) {
  return std::any_of(path.begin(), path.end(), [&](const fs::path& part) {
    return part == base || part == CacheName(base);
  });
}

// Files in a folder of the search path that may be the space's weights.
std::vector<fs::path> Candidates(const fs::path& place,
                                 const VariantInfo& info) {
  const std::string base = BaseName(info);
  std::vector<fs::path> files;
  const auto add_repository = [&](const fs::path& folder) {
    files.push_back(folder / kDiffusersFile);
    for (const std::string& name : FileNames(info))
      files.push_back(folder / name);
  };
  for (const std::string& name : FileNames(info)) files.push_back(place / name);
  add_repository(place / base);
  add_repository(place / kPublisher / base);
  for (const fs::path& revision : Snapshots(place / CacheName(base)))
    add_repository(revision);
  // The place is the repository, or one revision of it.
  if (IsCalled(place, base)) {
    files.push_back(place / kDiffusersFile);
    for (const fs::path& revision : Snapshots(place)) add_repository(revision);
  }
  return files;
}

// Whether the file holds a decoder that the space's latents fit.
Status Check(const std::string& path, const VariantInfo& info) {
  auto bytes = FileBytes::Read(path);
  if (!bytes.ok()) return bytes.status();
  const StatusOr<TensorFile> file = ParseTensorFile(*std::move(bytes));
  if (!file.ok()) return file.status();
  const StatusOr<Detected> decoder = DetectDecoder(*file);
  if (!decoder.ok()) return decoder.status();
  if (decoder->spec.latent_channels == info.latent_channels) return {};
  return InvalidArgument(
      path + ": decodes " + std::to_string(decoder->spec.latent_channels) +
      " latent channels, but variant " + std::string(info.name) + " has " +
      std::to_string(info.latent_channels));
}

// One search: what was found, or what lay in the way.
class WeightSearch {
 public:
  explicit WeightSearch(const VariantInfo& info) : info_(info) {}

  // Whether the place has the weights.
  bool Look(const std::string& place) {
    if (!IsFile(place)) {
      const std::vector<fs::path> files = Candidates(place, info_);
      return std::any_of(files.begin(), files.end(), [&](const fs::path& file) {
        return IsFile(file) && Take(file.string());
      });
    }
    // A file in the path serves any space unless it is known by its name, or
    // by its shape, to belong to another.
    if (BelongsToAnother(fs::path(place).filename().string(), info_))
      return false;
    return Take(place);
  }

  FoundWeights found() && { return std::move(found_); }
  const std::vector<std::string>& notes() const { return found_.notes; }

 private:
  bool Take(const std::string& path) {
    const Status status = Check(path, info_);
    if (status.ok()) {
      found_.path = path;
      return true;
    }
    found_.notes.push_back(status.message() + "; it was passed over");
    return false;
  }

  const VariantInfo& info_;
  FoundWeights found_;
};

Status Missing(const VariantInfo& info, const std::vector<std::string>& seen,
               const std::vector<std::string>& notes) {
  std::string searched, passed_over;
  for (const std::string& place : seen) {
    searched += (searched.empty() ? "" : ", ") + place;
  }
  for (const std::string& note : notes) passed_over += ". " + note;
  return NotFound(
      "no weights for variant " + std::string(info.name) + ": " +
      std::string(info.weights_file) + " is in none of " + searched +
      passed_over + ". It is published at " + std::string(info.weights_url) +
      "; examples/fetch-weights.sh " + std::string(info.name) + " fetches it");
}

// A file as it is; a folder, as a clone of a repository, is looked into.
StatusOr<FoundWeights> Explicit(std::string path, std::string_view variant) {
  path = WithHome(std::move(path));
  std::error_code error;
  if (!fs::exists(path, error))
    return NotFound(path + ": there is no such file");
  const VariantInfo* info = FindVariant(variant);
  if (!fs::is_directory(path, error) || info == nullptr ||
      info->weights_file.empty())
    return FoundWeights{std::move(path), {}};
  WeightSearch search(*info);
  if (search.Look(path) ||
      search.Look((fs::path(path) / kDiffusersFile).string()))
    return std::move(search).found();
  std::string passed_over;
  for (const std::string& note : search.notes()) passed_over += "; " + note;
  return NotFound(path + ": the folder holds no weights for variant " +
                  std::string(info->name) + passed_over);
}

StatusOr<FoundWeights> Find(std::string_view variant) {
  const VariantInfo* info = FindVariant(variant);
  if (info == nullptr) return UnknownVariant(variant);
  if (info->weights_file.empty()) {
    return NotFound(
        "no tiny decoder that this library runs was published for "
        "variant " +
        std::string(info->name));
  }
  const std::vector<std::string> places = SearchPath();
  WeightSearch search(*info);
  for (const std::string& place : places) {
    if (search.Look(place)) return std::move(search).found();
  }
  return Missing(*info, places, search.notes());
}

}  // namespace

StatusOr<FoundWeights> FindWeights(std::string_view variant,
                                   std::string_view explicit_path) {
  try {
    if (!explicit_path.empty())
      return Explicit(std::string(explicit_path), variant);
    return Find(variant);
  } catch (const std::bad_alloc&) {
    return OutOfMemory("no memory to look for the weights of variant " +
                       std::string(variant));
  }
}

}  // namespace tae
