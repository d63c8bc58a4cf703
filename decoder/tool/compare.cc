// Sums over two arrays.
#include "tool/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tae::tool {

Difference Compare(const float* found, const float* expected, size_t count) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Difference difference;
  double squares = 0;
  double dot = 0;
  double norm_found = 0;
  double norm_expected = 0;
  for (size_t i = 0; i < count; ++i) {
    const double a = found[i];
    const double b = expected[i];
    const double error = std::fabs(a - b);
    difference.max_abs =
        std::isnan(error) ? kInfinity : std::max(difference.max_abs, error);
    difference.mae += error;
    squares += error * error;
    dot += a * b;
    norm_found += a * a;
    norm_expected += b * b;
  }
  const double n = std::max<double>(1, static_cast<double>(count));
  difference.mae /= n;
  difference.rmse = std::sqrt(squares / n);
  difference.psnr =
      difference.rmse > 0 ? -20 * std::log10(difference.rmse) : kInfinity;
  const double norms = std::sqrt(norm_found) * std::sqrt(norm_expected);
  if (norms > 0) {
    difference.cosine = dot / norms;
  } else if (norm_found != norm_expected) {
    difference.cosine = 0;
  }
  return difference;
}

}  // namespace tae::tool
