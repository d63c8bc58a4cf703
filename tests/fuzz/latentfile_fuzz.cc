// Any bytes as a file of latents, under each ending that the reader knows: the
// first byte chooses it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/temp_folder.h"
#include "tae/latent_stream.h"

namespace {

constexpr tae::LatentLimits kLimits = {
    .header_bytes = 1 << 16, .payload_bytes = 1 << 20, .file_bytes = 4 << 20};
constexpr const char* kNames[] = {"a.safetensors", "a.npy", "a.npz",
                                  "a.latent",      "a.pth", "a"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const tae::TempFolder folder;
  if (size == 0) return 0;
  const std::string path = folder.Write(kNames[data[0] % std::size(kNames)],
                                        {data + 1, data + size});
  const auto file = tae::ReadLatentFile(path, kLimits);
  if (!file.ok()) {
    if (file.status().message().empty()) abort();
    return 0;
  }
  uint64_t bytes = 0;
  for (const tae::LatentMessage& message : file->messages) {
    bytes += message.payload.size();
    if (tae::ToString(message.header).empty()) abort();
    const int batch = tae::BatchOf(message.header);
    for (int i = 0; i < batch; ++i) {
      const auto view = message.View(i);
      if (!view.ok()) continue;
      const auto* begin = static_cast<const uint8_t*>(view->data);
      const uint8_t* payload = message.payload.data();
      if (begin < payload ||
          begin + view->size > payload + message.payload.size())
        abort();
    }
  }
  if (bytes > kLimits.file_bytes) abort();
  return 0;
}
