#include "models/builtin_weights.h"

extern "C" {
extern const uint8_t tae_builtin_flux2[], tae_builtin_flux2_end[];
extern const uint8_t tae_heads_flux2[], tae_heads_flux2_end[];
extern const uint8_t tae_linear_flux2[], tae_linear_flux2_end[];
}

namespace tae {

std::span<const uint8_t> BuiltinWeights(BuiltinKind kind,
                                        std::string_view variant) {
  if (variant != "flux2") return {};
  switch (kind) {
    case BuiltinKind::kDecoder:
      return {tae_builtin_flux2, tae_builtin_flux2_end};
    case BuiltinKind::kHeads:
      return {tae_heads_flux2, tae_heads_flux2_end};
    case BuiltinKind::kLinear:
      return {tae_linear_flux2, tae_linear_flux2_end};
  }
  return {};
}

}  // namespace tae
