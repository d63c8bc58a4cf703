// Weights that are compiled into the library.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tae {

// A whole safetensors file; empty when none is built in for this variant. Name
// as in variants.cc, not an alias.
std::span<const uint8_t> BuiltinWeights(std::string_view variant);

}  // namespace tae
