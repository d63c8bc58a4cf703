// Weights that are compiled into the library.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tae {

enum class BuiltinKind : uint8_t {
  kDecoder,  // a small decoder of its own
  kHeads,    // exits of the published decoder (model/rungs.h)
  kLinear,   // a fitted linear projection
};

// A whole safetensors file; empty when none is built in for this variant. Name
// as in variants.cc, not an alias.
std::span<const uint8_t> BuiltinWeights(BuiltinKind kind,
                                        std::string_view variant);

}  // namespace tae
