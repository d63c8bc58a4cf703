// The header of one .npy array.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tae/latent_stream.h"
#include "tae/status.h"

namespace tae {

struct NpyHeader {
  StoredType stored = StoredType::kF16;
  std::vector<int64_t> dims;
};

// `text` is the Python literal {'descr': '<f2', 'fortran_order': False,
// 'shape': (1, 32, 64, 64), }. Takes <f2, <f4, <f8 and the void V2 that
// ml_dtypes writes for bfloat16. Errors: kDataLoss, kUnsupported.
StatusOr<NpyHeader> ParseNpyHeader(std::string_view text);

}  // namespace tae
