// How packed weights lie in memory. Each layer is one block of 64-aligned
// memory that starts with its struct; the pointers point into the same block.
// A PackedLayer* of the tables of this folder points at one of these.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tae {

struct PackedHeader {
  size_t bytes = 0;  // of the whole block
};

// Order of input channels in pairs of 16 bits: pair `pair` of a table with L
// lanes holds channels ChannelOfPair(pair, L) and that plus L, because packing
// two vectors of 32 bits into one of 16 bits interleaves them at no cost.
constexpr int ChannelOfPair(int pair, int lanes) {
  return pair / lanes * 2 * lanes + pair % lanes;
}

// Where the byte of an input channel stands on tiles of bytes: two vectors of
// 16 bits become one of bytes by a shift and a blend.
constexpr int ByteOfChannel(int channel) {
  return channel % 32 * 2 + channel / 32;
}

// 3x3 convolution, Winograd (winograd.h). Products are int16 or float.
struct PackedConv : PackedHeader {
  // int16: [36][32 pairs][64 out][2]; float: [36][64 in][64 out]; bf16 on AMX:
  // [36][2 halves of out][2 halves of in][2][part][16 pairs][16 out][2].
  const void* weights = nullptr;
  // [7][64]: what output (row, column) is multiplied with, at row + column;
  // int16 tables multiply with the scale of the tile too.
  const float* scale = nullptr;
  const float* bias = nullptr;  // [64], zeros where the layer has none
  int blocks = 4;  // of 16 outputs that the layer has (direct-inl.h)
};

// Upsample and 3x3 convolution: as PackedConv with [25] and scale [64].
struct PackedUpConv : PackedHeader {
  const void* weights = nullptr;
  const float* scale = nullptr;
  const float* bias = nullptr;  // [64]
};

// The last convolution, direct: int16 [3 dy][32 pairs][3 dx * 3 out][2] or
// float [3 dy][64 in][3 dx * 3 out], or on tiles of bytes (pack_direct.cc).
struct PackedRgb : PackedHeader {
  const void* weights = nullptr;
  float scale[3] = {};
  float bias[3] = {};
};

// The 1x1 pool of the middle block, 64 -> 256 -> 64.
struct PackedPool : PackedHeader {
  const float* expand = nullptr;  // [64 in][256 out]
  // [256 in][64 out]; tables that run it on tiles: 4 squares (pack_bfloat.h) of
  // 64 in.
  const void* contract = nullptr;
  const float* gamma = nullptr;  // [256]
  const float* beta = nullptr;   // [256]
  // [4 groups][64][64], upper triangle with the other half added to it: the
  // sum of squares of a group over the plane is <squares, Gram matrix>.
  const double* squares = nullptr;
  const double* sums = nullptr;  // [4][64]: sum over the group's outputs
};

// Statistics of pool: [64] sums, then the Gram matrix [64][64], of which only
// the entries on and above the diagonal are read.
inline constexpr int kPoolStatsFloats = 64 + 64 * 64;

// Folded pool: normalisation merged into the expansion.
struct FoldedPool {
  const void* contract = nullptr;  // of PackedPool
  // [in][out]; on tiles 4 squares of 64 out, in two parts.
  alignas(64) float expand[64 * 256];
  alignas(64) float bias[256];
};

}  // namespace tae
