#include "io/latent_npz.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "io/zip_archive.h"

namespace tae {
namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr size_t kMaxArrays = 10000;

// How sd-scripts ends the names of its caches.
struct CacheRow {
  std::string_view ending;
  std::string_view space;
  std::string_view domain;
};
constexpr CacheRow kCaches[] = {{"_sd.npz", "sd", "vae"},
                                {"_sdxl.npz", "sdxl", "vae"},
                                {"_sd3.npz", "sd3", "vae"},
                                {"_flux.npz", "flux1", "sampler"},
                                {"_lumina.npz", "flux1", "sampler"}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "latents", and "latents_64x48" of caches of several sizes.
bool IsOfCache(std::string_view key) {
  constexpr std::string_view kName = "latents";
  if (!key.starts_with(kName)) return false;
  key.remove_prefix(kName.size());
  return key.empty() || (key.size() > 1 && key[0] == '_' && IsDigit(key[1]));
}

bool IsNamedLatent(std::string_view key) {
  constexpr std::array<std::string_view, 4> kNames = {
      "x0", "latent", "latent_tensor", "samples"};
  return IsOfCache(key) ||
         std::find(kNames.begin(), kNames.end(), key) != kNames.end();
}

std::string List(const std::vector<std::string>& keys) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < keys.size() && i < kShown; ++i)
    text += (i > 0 ? ", '" : "'") + keys[i].substr(0, 80) + "'";
  return text + (keys.size() > kShown ? "..." : "");
}

// Names of arrays, without ".npy".
std::vector<std::string> KeysOf(const ZipArchive& archive) {
  std::vector<std::string> keys;
  for (std::string& name : archive.Names()) {
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    keys.push_back(std::move(name));
  }
  std::sort(keys.begin(), keys.end(), NaturalLess);
  return keys;
}

void DescribeCache(const std::string& path, LatentMessage* message) {
  LatentDescription& said = message->header.description;
  const StatusOr<LatentView> view = message->View();
  // The VAEs of four channels are cached as they are.
  if (view.ok() && view->channels == 4) said.domain = "vae";
  for (const CacheRow& row : kCaches) {
    if (!path.ends_with(row.ending)) continue;
    said.space = row.space;
    said.domain = row.domain;
  }
  said.pred = "x0";
}

class NpzReader {
 public:
  NpzReader(const FileBytes& file, const ZipArchive& archive,
            const LatentLimits& limits)
      : file_(file), archive_(archive), limits_(limits) {}

  StatusOr<LatentFile> ReadAll() {
    const std::vector<std::string> keys = KeysOf(archive_);
    if (keys.empty())
      return Unsupported(
          "is a zip archive without an array (.npy); of zip archives NumPy's "
          ".npz is read for latents");
    if (keys.size() > kMaxArrays)
      return Unsupported("holds " + std::to_string(keys.size()) + " arrays");
    std::vector<std::string> ignored;
    for (const std::string& key : keys) {
      if (!IsNamedLatent(key)) {
        ignored.push_back(key);
        continue;
      }
      StatusOr<LatentMessage> message = ReadArray(key);
      if (!message.ok()) return message.status();
      TAE_RETURN_IF_ERROR(Keep(*std::move(message)));
    }
    if (read_.messages.empty()) TAE_RETURN_IF_ERROR(TakeTheOnlyOne(&ignored));
    if (!ignored.empty())
      read_.notes.push_back("the arrays " + List(ignored) + " are not used");
    return std::move(read_);
  }

 private:
  StatusOr<LatentMessage> ReadArray(const std::string& key) const {
    // The limits hold for the message; the header of an array has no more.
    constexpr uint64_t kMaxHeader = 70000;
    const StatusOr<AlignedBuffer> bytes = archive_.Read(
        key + std::string(kSuffix), limits_.payload_bytes + kMaxHeader,
        ZipArchive::Compression::kDeflate);
    if (!bytes.ok()) return bytes.status();
    LatentStreamReader reader(limits_);
    const StatusOr<size_t> taken = reader.Push(bytes->data(), bytes->size());
    std::optional<LatentMessage> message = reader.Pull();
    const Status status = !taken.ok() ? taken.status() : reader.Finish();
    if (!status.ok())
      return Status(status.code(), "array '" + key + "': " + status.message());
    if (!message || *taken != bytes->size())
      return DataLoss("array '" + key + "' is not as long as its header says");
    message->header.tensor = key;
    if (IsOfCache(key)) DescribeCache(file_.path(), &*message);
    return *std::move(message);
  }

  Status Keep(LatentMessage message) {
    file_bytes_ += message.payload.size();
    if (file_bytes_ > limits_.file_bytes)
      return InvalidArgument("its latents take more than " +
                             std::to_string(limits_.file_bytes) + " bytes");
    read_.messages.push_back(std::move(message));
    return {};
  }

  // Nothing is named as a latent is: what can be one, if it is one alone.
  Status TakeTheOnlyOne(std::vector<std::string>* keys) {
    std::vector<std::string> others, possible;
    Status why;
    for (const std::string& key : *keys) {
      StatusOr<LatentMessage> message = ReadArray(key);
      if (message.ok() && !message->View().ok())
        message = message->View().status();
      if (!message.ok()) {
        why = message.status();
        others.push_back(key);
        continue;
      }
      possible.push_back(key);
      if (possible.size() == 1) TAE_RETURN_IF_ERROR(Keep(*std::move(message)));
    }
    if (possible.size() > 1)
      return Unsupported("none of the arrays " + List(possible) +
                         " is named 'latent', 'latents' or 'x0'");
    if (possible.empty() && keys->size() == 1) return why;
    if (possible.empty())
      return Unsupported("none of the arrays " + List(*keys) +
                         " can be a latent (the last: " + why.message() + ")");
    *keys = std::move(others);
    return {};
  }

  const FileBytes& file_;
  const ZipArchive& archive_;
  const LatentLimits& limits_;
  LatentFile read_;
  uint64_t file_bytes_ = 0;
};

}  // namespace

StatusOr<LatentFile> ParseNpz(const FileBytes& file,
                              const LatentLimits& limits) {
  ZipArchive archive;
  if (!archive.Open(file.bytes()))
    return DataLoss(
        "the zip archive is damaged or was not copied to its end (" +
        archive.Reason() + ")");
  return NpzReader(file, archive, limits).ReadAll();
}

}  // namespace tae
