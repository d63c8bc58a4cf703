// The linear projection of a latent space to RGB: the preview that needs no
// weights.
#pragma once

#include <span>
#include <string_view>

namespace tae {

// rgb[i] = clamp((sum_c z[c] * factors[3 * c + i] + bias[i] + 1) / 2, 0, 1),
// z in the sampler's domain, unpacked.
struct LinearTable {
  std::string_view variant;
  std::span<const float> factors;  // [channels][3]
  float bias[3];
};

// By the variant's name (not alias); nullptr where none was published.
const LinearTable* FindLinearTable(std::string_view variant);

}  // namespace tae
