// A generation that looks like a real one: the latents of a rectified-flow run
// towards a known picture.
#pragma once

#include <cstdint>
#include <vector>

#include "tae/types.h"

namespace taegst {

struct DemoRun {
  std::vector<float> clean;  // x0, [C][H][W]
  tae::Extent extent;
  int steps = 28;
  uint64_t seed = 0;
  bool noisy = false;  // x_s, else what a model's estimate of x0 looks like

  // Noise left after `done` of `steps` steps: a straight line from 1 to 0 bent
  // by FLUX's shift, 3 t / (1 + 2 t).
  double Sigma(int done) const;

  // The latent after `done` steps. noisy: x_s = (1 - s) x0 + s eps. Else x0
  // without the detail that noise s still hides: two box blurs of radius
  // s^3 side / 10, and what is left of the noise. Equal x0 at the end.
  std::vector<float> At(int done) const;
};

}  // namespace taegst
