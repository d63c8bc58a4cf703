// Where a space's weights may lie on this machine.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "model/variants.h"
#include "tae/decoder.h"

namespace tae {
namespace {

namespace fs = std::filesystem;

std::string Environment(const char* name, const char* otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const size_t colon = list.find(':');
    if (colon != 0) parts.emplace_back(list.substr(0, colon));
    if (colon == std::string_view::npos) break;
    list.remove_prefix(colon + 1);
  }
  return parts;
}

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// Names that one published decoder goes by: taef2_decoder and taef2, in either
// format, and a clone of its diffusers repository.
std::vector<std::string> FileNames(const VariantInfo& info) {
  const std::string file(info.weights_file);
  const std::string stem = file.substr(0, file.rfind('.'));
  const std::string base = stem.substr(0, stem.find("_decoder"));
  return {file,          stem + ".safetensors",
          stem + ".pth", base + ".safetensors",
          base + ".pth", base + "/diffusion_pytorch_model.safetensors"};
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
  const std::string data_home = Environment(
      "XDG_DATA_HOME", home.empty() ? "" : (home + "/.local/share").c_str());
  if (!data_home.empty()) places.push_back(data_home + "/tae");
  for (const std::string& dir :
       Split(Environment("XDG_DATA_DIRS", "/usr/local/share:/usr/share"))) {
    places.push_back(dir + "/tae");
  }
  if (const std::string comfy = Environment("COMFYUI_PATH"); !comfy.empty()) {
    places.push_back(comfy + "/models/vae_approx");
  }
  return places;
}

// The weights in a folder; or the place itself where it is a file that is not
// known by its name to belong to another space.
std::string Search(const std::string& place, const VariantInfo& info) {
  if (IsFile(place)) {
    const std::string name = fs::path(place).filename().string();
    return BelongsToAnother(name, info) ? "" : place;
  }
  for (const std::string& name : FileNames(info)) {
    const fs::path path = fs::path(place) / name;
    if (IsFile(path)) return path.string();
  }
  return "";
}

Status Missing(const VariantInfo& info, const std::vector<std::string>& seen) {
  std::string searched;
  for (const std::string& place : seen) {
    searched += (searched.empty() ? "" : ", ") + place;
  }
  return NotFound(
      "no weights for variant " + std::string(info.name) + ": " +
      std::string(info.weights_file) + " is in none of " + searched +
      ". It is published at " + std::string(info.weights_url) +
      "; examples/fetch-weights.sh " + std::string(info.name) + " fetches it");
}

}  // namespace

StatusOr<FoundWeights> FindWeights(std::string_view variant,
                                   std::string_view explicit_path) {
  if (!explicit_path.empty()) {
    std::string path(explicit_path);
    std::error_code error;
    if (fs::exists(path, error)) return FoundWeights{path, {}};
    return NotFound(path + ": there is no such file");
  }
  const VariantInfo* info = FindVariant(variant);
  if (info == nullptr) {
    return UnknownVariant(variant);
  }
  if (info->weights_file.empty()) {
    return NotFound(
        "no tiny decoder that this library runs was published for "
        "variant " +
        std::string(info->name));
  }
  const std::vector<std::string> places = SearchPath();
  for (const std::string& place : places) {
    std::string found = Search(place, *info);
    if (!found.empty()) return FoundWeights{std::move(found), {}};
  }
  return Missing(*info, places);
}

}  // namespace tae
