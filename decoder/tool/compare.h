// How far two pictures, or two tensors, lie apart.
#pragma once

#include <cstddef>

namespace tae::tool {

// Of values in [0, 1]: psnr = -20 log10(rmse), infinite when equal. cosine of
// the two as vectors; 1 when both are zero.
struct Difference {
  double max_abs = 0;
  double mae = 0;
  double rmse = 0;
  double psnr = 0;
  double cosine = 1;
};

// Sums in double. NaN on either side gives max_abs = infinity.
Difference Compare(const float* found, const float* expected, size_t count);

}  // namespace tae::tool
