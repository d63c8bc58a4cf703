// Packing for direct convolutions on tiles of bytes (direct-inl.h).
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/pack.h"
#include "kernels/packed_block.h"
#include "kernels/packed_layout.h"

namespace tae {
namespace {

constexpr size_t kTileBytes = 1024;

// Weights of one output by tap and input: [tap][in].
using Taps = std::vector<double>;

double Tap(const ConvWeights& conv, int out, int in, int y, int x) {
  return conv.weight[((size_t(out) * conv.in_channels + in) * 3 + y) * 3 + x];
}

Taps ConvTaps(const ConvWeights& conv, int out) {
  Taps taps(size_t(9) * kChannels);
  for (int tap = 0; tap < 9; ++tap)
    for (int in = 0; in < conv.in_channels; ++in)
      taps[tap * kChannels + in] = Tap(conv, out, in, tap / 3, tap % 3);
  return taps;
}

// The taps y of the 3x3 that fall on the first or second of the two inputs of
// an output at place 0 (the second pixel of its pair) or 1 (the first).
bool FallsOn(int place, int input, int y) {
  return place == 0 ? (input == 0 ? y < 2 : y == 2)
                    : (input == 0 ? y == 0 : y > 0);
}

// [place 4][tap 4][in]: sums of the weights that see the same input.
Taps UpConvTaps(const ConvWeights& conv, int out) {
  Taps taps(size_t(16) * kChannels);
  for (int k = 0; k < 16; ++k)
    for (int in = 0; in < conv.in_channels; ++in)
      for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 3; ++x)
          if (FallsOn(k / 8, k / 2 % 2, y) && FallsOn(k / 4 % 2, k % 2, x))
            taps[k * kChannels + in] += Tap(conv, out, in, y, x);
  return taps;
}

double Largest(const Taps& taps) {
  double largest = 1e-30;
  for (double w : taps) largest = std::max(largest, std::abs(w));
  return largest;
}

// One output's column of the tiles: byte b of the inputs is in row b / 4, byte
// b % 4 of column out % 16.
void StoreTap(const double* weights, double scale, int parts, int out,
              int8_t* tiles) {
  for (int in = 0; in < kChannels; ++in) {
    const int number = static_cast<int>(std::lrint(weights[in] / scale));
    const int byte = ByteOfChannel(in);
    int8_t* at = tiles + byte / 4 * 64 + out % 16 * 4 + byte % 4;
    const auto low = static_cast<int8_t>(number & 255);
    *at = static_cast<int8_t>(parts == 2 ? (number - low) / 256 : number);
    if (parts == 2) at[kTileBytes] = low;
  }
}

double ScaleOf(const Taps& taps, int parts) {
  return Largest(taps) / (parts == 2 ? 32639 : 127);
}

struct Arrays {
  int8_t* tiles;
  float* scale;
  float* bias;
};

template <class Layer>
Layer* NewLayer(const ConvWeights& conv, size_t tiles, Arrays* arrays) {
  constexpr size_t kVector = Align64(kChannels * sizeof(float));
  auto* layer = NewPacked<Layer>(tiles * kTileBytes + 2 * kVector);
  if (layer == nullptr) return nullptr;
  PackedArrays memory(layer);
  arrays->tiles = memory.Take<int8_t>(tiles * kTileBytes);
  arrays->scale = memory.Take<float>(kChannels);
  arrays->bias = memory.Take<float>(kChannels);
  for (size_t i = 0; i < conv.bias.size() && i < size_t(kChannels); ++i)
    arrays->bias[i] = conv.bias[i];
  layer->weights = arrays->tiles;
  layer->scale = arrays->scale;
  layer->bias = arrays->bias;
  return layer;
}

}  // namespace

// [4 blocks of out][tap][part][1024]
template <int kParts>
PackedLayer* PackConvDirect(const ConvWeights& conv) {
  Arrays arrays;
  auto* layer = NewLayer<PackedConv>(conv, size_t(4) * 9 * kParts, &arrays);
  if (layer != nullptr) layer->blocks = (conv.out_channels + 15) / 16;
  for (int out = 0; layer != nullptr && out < conv.out_channels; ++out) {
    const Taps taps = ConvTaps(conv, out);
    const double scale = ScaleOf(taps, kParts);
    arrays.scale[out] = static_cast<float>(scale);
    for (int tap = 0; tap < 9; ++tap)
      StoreTap(taps.data() + tap * kChannels, scale, kParts, out,
               arrays.tiles + (out / 16 * 9 + tap) * kParts * kTileBytes);
  }
  return ToPacked(layer);
}

// [4 blocks of out][4 places][4 taps][part][1024]
template <int kParts>
PackedLayer* PackUpConvDirect(const ConvWeights& conv) {
  Arrays arrays;
  auto* layer = NewLayer<PackedUpConv>(conv, size_t(4) * 16 * kParts, &arrays);
  for (int out = 0; layer != nullptr && out < conv.out_channels; ++out) {
    const Taps taps = UpConvTaps(conv, out);
    const double scale = ScaleOf(taps, kParts);
    arrays.scale[out] = static_cast<float>(scale);
    for (int k = 0; k < 16; ++k)
      StoreTap(taps.data() + k * kChannels, scale, kParts, out,
               arrays.tiles + (out / 16 * 16 + k) * kParts * kTileBytes);
  }
  return ToPacked(layer);
}

// [3 dy][part][1024], column 3 dx + out.
PackedLayer* PackRgbDirect(const ConvWeights& conv) {
  constexpr int kParts = 2;
  constexpr size_t kBytes = size_t(3) * kParts * kTileBytes;
  auto* layer = NewPacked<PackedRgb>(kBytes);
  if (layer == nullptr) return nullptr;
  auto* tiles = PackedArrays(layer).Take<int8_t>(kBytes);
  layer->weights = tiles;
  for (int out = 0; out < 3; ++out) {
    const Taps taps = ConvTaps(conv, out);
    const double scale = ScaleOf(taps, kParts);
    layer->scale[out] = static_cast<float>(scale);
    layer->bias[out] = conv.bias.empty() ? 0 : conv.bias[out];
    for (int tap = 0; tap < 9; ++tap)
      StoreTap(taps.data() + tap * kChannels, scale, kParts,
               3 * (tap % 3) + out, tiles + tap / 3 * kParts * kTileBytes);
  }
  return ToPacked(layer);
}

template PackedLayer* PackConvDirect<1>(const ConvWeights&);
template PackedLayer* PackConvDirect<2>(const ConvWeights&);
template PackedLayer* PackUpConvDirect<1>(const ConvWeights&);
template PackedLayer* PackUpConvDirect<2>(const ConvWeights&);

}  // namespace tae
