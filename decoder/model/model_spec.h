// A network as a table of data: one row a layer.
#pragma once

#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace tae {

enum class LayerKind {
  kSoftClamp,  // 3 tanh(x / 3)
  kConv3x3,    // zero padding 1, optional bias
  kRelu,
  kBlock,         // relu(conv(relu(conv(relu(conv x)))) + x), optional pool
  kUpsample2,     // nearest, both ways
  kPixelShuffle,  // 3 k^2 channels -> 3 of k times the extent: channel
                  // (c k + y) k + x becomes colour c of pixel (y, x)
  kLinearRgb,     // latent -> p x p colours of a latent pixel, each a square of
                  // pixels: rgb = clamp((z.F + b + 1) / 2), F 1x1 or 3x3, its
                  // 3 p^2 outputs as those of kPixelShuffle
};

struct LayerSpec {
  LayerKind kind;
  int in_channels = 0;
  int out_channels = 0;
  bool bias = false;
  int taps = 9;  // of its convolution: 9, or 1 of a kLinearRgb
  // kBlock only: x += conv1x1(relu(group_norm(conv1x1 x))) before the convs.
  bool pool = false;
};

// A way through the layers that ends in a picture, at a price of its own. Rungs
// of one model share its layers, and so their packed weights.
struct Rung {
  std::string name;         // "full", "stage3"
  int downscale = 1;        // of the full picture's sides: 1, 2, 4 or 8
  std::vector<int> layers;  // indices of ModelSpec::layers, in order
};

// An architecture. Upstream's Sequential index of a layer is its index here.
struct ModelSpec {
  std::string_view name;  // "taesd-c32-pool"
  int latent_channels = 0;
  int pixels_per_latent = 8;
  std::vector<LayerSpec> layers;
  std::vector<Rung> rungs = {};  // empty: one, "full", through all layers
};

// k of a kPixelShuffle from 3 k^2 channels; 0 when there is none.
constexpr int ShuffleScale(int channels) {
  for (int k = 1; 3 * k * k <= channels; ++k)
    if (3 * k * k == channels) return k;
  return 0;
}

// The rungs of a spec, the full one first.
inline std::vector<Rung> RungsOf(const ModelSpec& spec) {
  if (!spec.rungs.empty()) return spec.rungs;
  Rung full{.name = "full", .layers = std::vector<int>(spec.layers.size())};
  std::iota(full.layers.begin(), full.layers.end(), 0);
  return {std::move(full)};
}

// Of the midblock pool: 64 -> 256 -> 64, GroupNorm(4, 256), torch's eps.
inline constexpr int kPoolWidth = 256;
inline constexpr int kPoolGroups = 4;
inline constexpr double kPoolEpsilon = 1e-5;

}  // namespace tae
