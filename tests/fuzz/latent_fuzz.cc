// Any bytes as a stream of latents: safetensors and .npy messages, whole and in
// two pieces, which must give the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

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
  const Outcome halves = Read(data, size, size / 2);
  if (whole.messages != halves.messages || whole.failed != halves.failed) {
    abort();
  }
  return 0;
}
