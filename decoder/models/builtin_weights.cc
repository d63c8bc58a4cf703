#include "models/builtin_weights.h"

extern "C" {
extern const uint8_t tae_builtin_flux2[];
extern const uint8_t tae_builtin_flux2_end[];
}

namespace tae {

std::span<const uint8_t> BuiltinWeights(std::string_view variant) {
  if (variant == "flux2") return {tae_builtin_flux2, tae_builtin_flux2_end};
  return {};
}

}  // namespace tae
