// Any bytes as a stream of latents: safetensors and .npy messages. Whole, in
// two pieces, byte by byte, and message by message out of one buffer that grows
// as it is asked to, as a parser element reads: all must give the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "tae/latent_stream.h"

namespace {

constexpr tae::LatentLimits kLimits = {.header_bytes = 1 << 16,
                                       .payload_bytes = 1 << 20};

struct Outcome {
  int messages = 0;
  bool failed = false;
};

// Pushes [data, data + size); false once the stream is in error.
bool PushAll(tae::LatentStreamReader& reader, const uint8_t* data, size_t size,
             Outcome& outcome) {
  while (size > 0) {
    const auto taken = reader.Push(data, size);
    if (!taken.ok()) return false;
    if (*taken > size) abort();
    data += *taken;
    size -= *taken;
    const auto message = reader.Pull();
    if (message) {
      ++outcome.messages;
      const auto view = message->View();
      if (view.ok() && view->size > message->payload.size()) abort();
    } else if (*taken == 0) {
      abort();  // neither bytes taken nor a message: a caller would spin
    }
  }
  return true;
}

// Byte by byte.
Outcome ReadBytes(const uint8_t* data, size_t size) {
  tae::LatentStreamReader reader(kLimits);
  Outcome outcome;
  for (size_t i = 0; i < size && !outcome.failed; ++i)
    outcome.failed = !PushAll(reader, data + i, 1, outcome);
  outcome.failed = outcome.failed || !reader.Finish().ok();
  return outcome;
}

// Headers read out of a buffer that is only as long as was asked for. An answer
// must not depend on what lies behind those bytes.
Outcome ReadGrowing(const uint8_t* data, size_t size) {
  Outcome outcome;
  for (size_t begin = 0; begin < size;) {
    uint64_t have = 1;
    tae::StatusOr<std::optional<tae::LatentHeader>> header(std::nullopt);
    while (true) {
      outcome.failed = have > size - begin;
      if (outcome.failed) return outcome;
      const std::vector<uint8_t> exact(data + begin, data + begin + have);
      uint64_t needed = 0;
      header = tae::ReadLatentHeader(exact.data(), have, kLimits, &needed);
      if (!header.ok() || header->has_value()) break;
      if (needed <= have) abort();  // a caller would ask for ever
      have = needed;
    }
    outcome.failed = !header.ok() || (*header)->message_size > size - begin;
    if (outcome.failed) return outcome;
    if ((*header)->begin + (*header)->stored_size > (*header)->message_size)
      abort();
    begin += (*header)->message_size;
    ++outcome.messages;
  }
  return outcome;
}

Outcome Read(const uint8_t* data, size_t size, size_t cut) {
  tae::LatentStreamReader reader(kLimits);
  Outcome outcome;
  outcome.failed = !PushAll(reader, data, cut, outcome) ||
                   !PushAll(reader, data + cut, size - cut, outcome) ||
                   !reader.Finish().ok();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Outcome whole = Read(data, size, size);
  for (const Outcome& other : {Read(data, size, size / 2),
                               ReadBytes(data, size), ReadGrowing(data, size)})
    if (whole.messages != other.messages || whole.failed != other.failed)
      abort();
  return 0;
}
