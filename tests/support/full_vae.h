// The published constants of the full VAEs as latent_formats.json has them, and
// the formula that goes with them: sampler's domain -> VAE's.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "support/layouts.h"

namespace tae::testing {

// z_vae of channel c at phase (py, px) where the sampler's value is z; `space`
// is the space's entry in latent_formats.json.
inline double FullVaeValue(const nlohmann::json& space, size_t c, size_t py,
                           size_t px, double z) {
  const nlohmann::json& vae = space.at("vae");
  if (vae.contains("bn_mean")) {
    const size_t k = 4 * c + 2 * py + px;
    return z * vae.at("bn_std").at(k).get<double>() +
           vae.at("bn_mean").at(k).get<double>();
  }
  if (vae.contains("scale128")) {
    const size_t k = 64 * py + 32 * px + c;
    return z * vae.at("scale128").at(k).get<double>() +
           vae.at("shift128").at(k).get<double>();
  }
  if (vae.contains("latents_mean")) {
    return z * vae.at("latents_std").at(c).get<double>() /
               vae.value("scale", 1.0) +
           vae.at("latents_mean").at(c).get<double>();
  }
  return z / vae.at("scale").get<double>() + vae.value("shift", 0.0);
}

// [C, H, W] as the space's full VAE calls it.
inline Array ToVae(Array planes, const nlohmann::json& space) {
  const size_t height = planes.dims[1], width = planes.dims[2];
  for (size_t i = 0; i < planes.values.size(); ++i) {
    const size_t c = i / (height * width), y = i / width % height;
    planes.values[i] = static_cast<float>(
        FullVaeValue(space, c, y % 2, i % width % 2, planes.values[i]));
  }
  return planes;
}

}  // namespace tae::testing
