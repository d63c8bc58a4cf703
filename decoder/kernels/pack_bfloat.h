// The order in which tiles of bf16 want weights (amx-inl.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tae {

// Numbers of a 64x64 matrix, each as the sum of `parts` bf16.
constexpr size_t BFloatSquare(int parts) { return size_t(parts) * 64 * 64; }

// Puts weight w of (in, out), both < 64, into a square: [2 halves of out]
// [2 halves of in][2 blocks of out][part][16 pairs][16 out][2]; part 1 is what
// part 0 lost.
void StoreBFloat(double w, int in, int out, int parts, uint16_t* square);

}  // namespace tae
