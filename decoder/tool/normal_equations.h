// Least squares of pictures on windows of their latents.
#pragma once

#include <vector>

#include "tae/status.h"
#include "tae/types.h"

namespace tae::tool {

struct FitShape {
  int channels = 0;
  int window = 1;   // latent pixels a side that an output is made from
  int colours = 1;  // outputs a side of a latent pixel, each of three colours
  int inputs() const { return channels * window * window + 1; }
  int outputs() const { return 3 * colours * colours; }
};

// Rows of weights [outputs][channels][window][window] and bias [outputs], as
// "linear.weight" and "linear.bias" have them.
struct LinearFit {
  std::vector<float> weight;
  std::vector<float> bias;
};

// Sums over all latents; what is solved in the end.
class NormalEquations {
 public:
  explicit NormalEquations(const FitShape& shape);

  // latent: [channels][height][width], sampler's domain, finite. picture:
  // [3][height * side][width * side] in [0, 1], side a multiple of colours.
  // Errors: kUnsupported (no OpenBLAS).
  Status Add(const float* latent, Extent extent, const float* picture,
             int side);

  // A ridge of 1e-4 of the mean diagonal keeps channels that hardly vary from
  // large weights. Errors: as BlasLibrary's, kInvalidArgument before any Add.
  StatusOr<LinearFit> Solve() const;

 private:
  FitShape shape_;
  double pixels_ = 0;
  std::vector<double> square_;  // [inputs][inputs]
  std::vector<double> cross_;   // [outputs][inputs]
};

}  // namespace tae::tool
