// Models, latents and frames made from a seed, for tests that need no file.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "model/architectures.h"
#include "model/model.h"
#include "tae/decoder.h"
#include "tae/types.h"

namespace tae::testing {

// Weights with the variance that keeps activations near 1 (He initialisation).
inline ConvWeights SeededConv(std::mt19937& random, int in, int out, int taps,
                              bool bias) {
  ConvWeights conv{in, out, taps, {}, {}};
  std::normal_distribution<float> normal(
      0, 0.7f * std::sqrt(2.0f / static_cast<float>(in * taps)));
  conv.weight.resize(size_t(in) * out * taps);
  for (float& w : conv.weight) w = normal(random);
  if (bias) conv.bias.resize(out);
  for (float& b : conv.bias) b = 0.1f * normal(random) + 0.05f;
  return conv;
}

inline PoolWeights SeededPool(std::mt19937& random) {
  PoolWeights pool{SeededConv(random, 64, kPoolWidth, 1, false),
                   {},
                   {},
                   SeededConv(random, kPoolWidth, 64, 1, false)};
  std::normal_distribution<float> normal;
  for (int k = 0; k < kPoolWidth; ++k) {
    pool.gamma.push_back(1 + 0.1f * normal(random));
    pool.beta.push_back(0.1f * normal(random));
  }
  return pool;
}

inline std::shared_ptr<const Model> SeededModel(const ModelSpec& spec,
                                                std::string variant,
                                                unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<LayerWeights> layers;
  for (const LayerSpec& layer : spec.layers) {
    LayerWeights weights;
    const int convs = layer.kind == LayerKind::kBlock       ? 3
                      : layer.kind == LayerKind::kConv3x3   ? 1
                      : layer.kind == LayerKind::kLinearRgb ? 1
                                                            : 0;
    const int taps = layer.kind == LayerKind::kLinearRgb ? 1 : 9;
    if (layer.pool) weights.pool.push_back(SeededPool(random));
    for (int i = 0; i < convs; ++i)
      weights.convs.push_back(
          SeededConv(random, i == 0 ? layer.in_channels : layer.out_channels,
                     layer.out_channels, taps, layer.bias));
    layers.push_back(std::move(weights));
  }
  ModelInfo info;
  info.variant = std::move(variant);
  info.architecture = std::string(spec.name);
  info.latent_channels = spec.latent_channels;
  info.pixels_per_latent = spec.pixels_per_latent;
  return std::make_shared<const Model>(spec, std::move(layers), info);
}

// FLUX.2's shape: 32 channels, with the pool.
inline std::shared_ptr<const Model> SeededFlux2() {
  return SeededModel(TaesdSpec(32, true), "flux2");
}

// A normally distributed latent of floats, NCHW.
struct SeededLatent {
  std::vector<float> values;
  LatentView view;

  SeededLatent(int channels, Extent extent, unsigned seed = 7) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    values.resize(size_t(channels) * extent.height * extent.width);
    for (float& v : values) v = normal(random);
    view = {.data = values.data(),
            .size = values.size() * sizeof(float),
            .dtype = DType::kF32,
            .layout = LatentLayout::kNchw,
            .domain = LatentDomain::kSampler,
            .channels = channels,
            .extent = extent};
  }
};

// A frame of planar floats that owns its memory.
struct FloatFrame {
  std::vector<float> values;
  FrameView view;

  FloatFrame(int width, int height)
      : values(size_t(width) * height * 3, -1.0f) {
    view.format = PixelFormat::kRgbPlanarF32;
    view.width = width;
    view.height = height;
    for (int c = 0; c < 3; ++c) {
      view.plane[c] = values.data() + size_t(c) * width * height;
      view.stride[c] = width * static_cast<ptrdiff_t>(sizeof(float));
    }
  }
};

inline double MaxAbsDifference(const std::vector<float>& a,
                               const std::vector<float>& b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    worst = std::max(worst, std::abs(double(a[i]) - b[i]));
  return worst;
}

}  // namespace tae::testing
