// From what a full VAE calls a latent to what the sampler, and so every tiny
// decoder, calls one.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace tae {

// sampler = vae * mul[4c + 2py + px] + add[4c + 2py + px], for channel c at an
// unpacked row of parity py and column of parity px. Spaces without a 2x2 patch
// hold the same numbers in all four phases.
struct VaeAffine {
  std::vector<float> mul;  // [channels][2][2]
  std::vector<float> add;  // [channels][2][2]
};

// By the variant's name (not alias). Nothing where the space's constants are
// not known, or live in the VAE's own file.
std::optional<VaeAffine> SamplerFromVae(std::string_view variant);

}  // namespace tae
