// Any bytes as a .pth archive. The archive's sums keep most mutations away from
// the pickle inside; pickle_fuzz.cc goes there directly.
#include <cstddef>
#include <cstdint>

#include "io/pth.h"
#include "model/detect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = tae::ParsePth("fuzz", {data, size});
  if (!file.ok()) return 0;
  [[maybe_unused]] static volatile uint8_t sink;
  for (const tae::TensorView& tensor : file->tensors) {
    // A sanitizer sees views that leave their record.
    if (tensor.size > 0) sink = tensor.data[0] ^ tensor.data[tensor.size - 1];
  }
  (void)tae::DetectDecoder(*file);
  return 0;
}
