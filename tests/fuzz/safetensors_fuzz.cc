// Any bytes as a safetensors file, and what it holds as a decoder.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "io/safetensors.h"
#include "model/detect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = tae::ParseSafetensors("fuzz", {data, size}, nullptr);
  if (!file.ok()) return 0;
  for (const tae::TensorView& tensor : file->tensors) {
    // A view outside of the file is what must never be.
    if (tensor.data < data || tensor.data + tensor.size > data + size) abort();
  }
  (void)tae::DetectDecoder(*file);
  return 0;
}
