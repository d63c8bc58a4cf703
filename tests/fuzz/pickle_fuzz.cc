// Any bytes as the pickle of a state dict.
#include <cstddef>
#include <cstdint>

#include "io/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)tae::ReadStateDict({data, size});
  return 0;
}
