// A table of layers and a latent's size become a flat list of steps.
#pragma once

#include <vector>

#include "model/model_spec.h"
#include "plan/step.h"
#include "tae/status.h"

namespace tae {

struct StepList {
  std::vector<Step> steps;
  std::vector<Tensor> tensors;
};

// Folds soft clamp into the load, ReLU and skip into the convolution before
// them, upsampling into the one after. `layers` are those of a rung, indices of
// spec.layers in order; `latent` is at least 1x1.
// Errors: kUnsupported names the layer whose neighbourhood no step can do.
StatusOr<StepList> Lower(const ModelSpec& spec, const std::vector<int>& layers,
                         Extent latent);

}  // namespace tae
