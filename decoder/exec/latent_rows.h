// The first step of every executor: rows of the caller's latent as floats in
// the sampler's domain.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernels/kernel_table.h"
#include "model/vae_domain.h"
#include "tae/types.h"

namespace tae {

// Holds the constants of the domain; knows where they apply.
class LatentRows {
 public:
  explicit LatentRows(std::string_view variant)
      : from_vae_(SamplerFromVae(variant)) {}

  UnpackTask Row(const LatentView& latent, int y, float* z) const {
    UnpackTask task{.latent = &latent, .affine = {}, .y = y, .z = z};
    if (latent.domain == LatentDomain::kVae && from_vae_)
      task.affine = {from_vae_->mul.data(), from_vae_->add.data()};
    return task;
  }

  bool knows_vae_domain() const { return from_vae_.has_value(); }

 private:
  std::optional<VaeAffine> from_vae_;
};

// The networks' first layer: keeps a latent inside (-3, 3).
inline double SoftClamp(double z) { return 3 * std::tanh(z / 3); }

}  // namespace tae
