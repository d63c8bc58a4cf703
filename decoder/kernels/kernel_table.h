// What a kernel promises. A KernelTable is one instruction set at one
// precision: typed function pointers, chosen once per plan by select.cc.
//
// Activations are NHWC with 64 channels (kChannels), stored row by row. A row
// of a plane of width W holds 1 + RoundUp(W, 4) + 1 pixels: one zero pixel on
// the left, W pixels, and zeros on the right up to the end. Row pointers below
// point at that left zero pixel. Rows above and below the plane are given as a
// row of zeros. So no kernel has an edge branch on its input side; on its
// output side it never writes a pixel outside [0, W) nor a row that is null.
//
// A row is found through a pointer, never by adding a pitch: a plane may be
// whole, or a ring of a few rows (the band executor).
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/model.h"
#include "tae/types.h"

namespace tae {

inline constexpr int kChannels = 64;  // of every plane between two steps
inline constexpr int kTile = 4;       // output tile: 4x4 pixels

// Bytes of one stored row of a plane of `width` pixels.
constexpr size_t RowBytes(int width, size_t bytes_per_channel) {
  return size_t(1 + (width + kTile - 1) / kTile * kTile + 1) * kChannels *
         bytes_per_channel;
}

// Output rows y..y+3 of a 3x3 convolution, columns of tiles [begin, end):
// out = [relu](conv(in) + bias [+ skip]).
struct ConvTask {
  const void* in[6];    // input rows y-1 .. y+4
  void* out[4];         // null = outside of the plane
  const void* skip[4];  // all null = no skip; else rows as those of `in`
  int tile_begin = 0;
  int tile_end = 0;
  int width = 0;  // pixels of the plane
  bool relu = false;
};

// Output rows 4t-1..4t+2 and columns 4x-1..4x+2 (x in [begin, end)) of nearest
// upsampling x2 followed by a 3x3 convolution, from input rows
// 2t-1, 2t, 2t+1 and columns 2x-1, 2x, 2x+1: out = [relu](sum + bias). A plane
// of H x W input pixels has (H/2 + 1) x (W/2 + 1) such tiles (rounding down).
struct UpConvTask {
  const void* in[3];  // input rows 2t-1, 2t, 2t+1
  void* out[4];       // output rows 4t-1 .. 4t+2, null = outside
  int tile_begin = 0;
  int tile_end = 0;
  int in_width = 0;  // pixels of the input plane; output is twice as wide
  bool relu = false;
};

// Pixels [begin, end) of one row of x += contract(relu(norm(expand(x)))), with
// normalisation folded into the expansion by FoldPool.
struct PoolTask {
  void* row = nullptr;  // in place
  int begin = 0;
  int end = 0;
};

// Output rows 4t..4t+3 of the last convolution, 64 -> 3, as floats before the
// clamp: rgb[c][r] points at pixel 0 of row 4t + r, channel c.
struct RgbTask {
  const void* in[6];  // input rows 4t-1 .. 4t+4
  float* rgb[3][4];   // null = below the plane
  int tile_begin = 0;
  int tile_end = 0;
  int width = 0;
};

// Pixels [0, width) of one row of 3 scale^2 channels -> `scale` rows of floats
// before the clamp: channel (c scale + y) scale + x of pixel i is
// rgb[c][y][i scale + x].
struct ShuffleTask {
  const void* row = nullptr;
  int width = 0;
  int scale = 0;  // 2 or 4
  float* rgb[3][4];
};

// From the full VAE's domain to the sampler's: scale[k] * z + shift[k] with
// k = 4c + 2(y & 1) + (x & 1), which holds for a latent that was normalised
// per channel as for one that was normalised per patch (FLUX.2). Null arrays
// mean a latent that already is the sampler's.
struct LatentAffine {
  const float* scale = nullptr;  // [4 * channels]
  const float* shift = nullptr;  // [4 * channels]
};

// Row y of a latent of any dtype and layout as floats of the sampler's domain:
// z[c * width + x] for c < channels, x < width. NaN and infinities become 0.
struct UnpackTask {
  const LatentView* latent = nullptr;
  LatentAffine affine;
  int y = 0;
  float* z = nullptr;  // [channels][width]
};

// Rows of floats before the clamp -> pixels of a frame, columns [begin, end).
// y and row_count are even except for formats without shared chroma.
// rgb[c][r] points at column 0 of row y + r, channel c. Formats with shared
// chroma (I420, YV12, NV12, YUY2, UYVY) also read column begin - 1 when begin
// > 0, and want begin even.
struct StoreTask {
  const float* rgb[3][4];
  int y = 0;
  int row_count = 0;  // 1..4
  int begin = 0;
  int end = 0;
  const FrameView* frame = nullptr;
};

// Row y of the latent as activations: out[x][c] = soft_clamp(z) for c <
// channels, 0 above. z: [channels][width] floats, finite.
struct LoadTask {
  const float* z = nullptr;
  int channels = 0;
  int width = 0;
  void* out = nullptr;  // row pointer as above
};

// Packed weights of one layer: opaque bytes that only the table that made them
// reads. Aligned to 64 bytes.
struct PackedLayer;

struct KernelTable {
  const char* name = "";         // "f16_winograd_i16__avx512vnni"
  size_t bytes_per_channel = 2;  // of stored activations
  // Bytes of scratch that each worker must hand to every call; 64-aligned.
  size_t scratch_bytes = 0;
  // Tiles that one call of conv / upconv / rgb should be given at best.
  int tiles_per_task = 24;
  // A row is only cut at multiples of so many tiles: they share a scale, and
  // the bits must not depend on the cut. 8 at most.
  int tile_grid = 1;

  // Packing; may allocate. Input channels fewer than 64 are padded with zeros.
  PackedLayer* (*pack_conv)(const ConvWeights&) = nullptr;
  PackedLayer* (*pack_upconv)(const ConvWeights&) = nullptr;
  PackedLayer* (*pack_rgb)(const ConvWeights&) = nullptr;
  PackedLayer* (*pack_pool)(const PoolWeights&) = nullptr;
  void (*free_layer)(PackedLayer*) = nullptr;
  size_t (*layer_bytes)(const PackedLayer*) = nullptr;

  // Reads a row of the latent; returns how many scalars were NaN or infinite.
  int64_t (*unpack)(const UnpackTask&) = nullptr;
  // Writes pixels: clamp to [0,1] (NaN is 0), round to nearest.
  void (*store)(const StoreTask&) = nullptr;

  // All below: no allocation, no exception, any thread, scratch not shared
  // between two calls at the same time.
  void (*load)(const LoadTask&) = nullptr;
  void (*conv)(const PackedLayer*, const ConvTask&, void* scratch) = nullptr;
  void (*upconv)(const PackedLayer*, const UpConvTask&,
                 void* scratch) = nullptr;
  void (*rgb)(const PackedLayer*, const RgbTask&, void* scratch) = nullptr;

  void (*shuffle)(const ShuffleTask&) = nullptr;

  // GroupNorm of expand(x) from the Gram matrix of x. pool_stats adds pixels
  // [0, width) of `rows` rows into stats (pool_stats_floats floats, zeroed by
  // the caller): sums per channel and sums of products. The executor gives
  // each call a fixed set of rows and adds the partial results in row order,
  // so that any number of threads gives the same bits. fold_pool turns the sum
  // over the plane of `pixels` pixels into folded weights in `folded`
  // (pool_folded_bytes, 64-aligned); pool runs them.
  size_t pool_stats_floats = 0;
  size_t pool_folded_bytes = 0;
  void (*pool_stats)(const void* const* rows, int row_count, int width,
                     float* stats, void* scratch) = nullptr;
  void (*fold_pool)(const PackedLayer*, const double* stats, double pixels,
                    void* folded) = nullptr;
  void (*pool)(const void* folded, const PoolTask&, void* scratch) = nullptr;
};

}  // namespace tae
