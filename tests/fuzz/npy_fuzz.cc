// Any bytes as the dictionary of a .npy header and what follows it: the magic
// and the length, which most mutations would break, are always right.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "tae/latent_stream.h"

namespace {

constexpr tae::LatentLimits kLimits = {.header_bytes = 1 << 16,
                                       .payload_bytes = 1 << 20};
constexpr size_t kMostHeader = 512;

// Version 1 or 2; the header is what comes up to the first line feed.
std::vector<uint8_t> MessageOf(const uint8_t* data, size_t size) {
  size_t header = 0;
  while (header < size && header < kMostHeader && data[header++] != '\n') {
  }
  const uint8_t version = header % 2 == 0 ? 1 : 2;
  std::vector<uint8_t> bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', version, 0};
  for (int i = 0; i < 2 * version; ++i)
    bytes.push_back(static_cast<uint8_t>(uint64_t{header} >> (8 * i)));
  bytes.insert(bytes.end(), data, data + size);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> bytes = MessageOf(data, size);
  uint64_t needed = 0;
  const auto header =
      tae::ReadLatentHeader(bytes.data(), bytes.size(), kLimits, &needed);
  if (!header.ok()) return 0;
  if (!header->has_value()) {
    if (needed <= bytes.size()) abort();
    return 0;
  }
  const tae::LatentHeader& said = **header;
  if (said.payload_size > kLimits.payload_bytes) abort();
  if (said.message_size > bytes.size()) return 0;
  std::vector<uint8_t> payload(said.payload_size);
  tae::ConvertPayload(said, bytes.data() + said.begin, payload.data());
  const auto view = tae::AsLatentView(said, payload.data());
  if (view.ok() && view->size > payload.size()) abort();
  return 0;
}
