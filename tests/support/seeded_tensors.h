// Weights that any language can make again, number for number: see
// tests/data/make_seeded_golden.py, which computed pictures with them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/model.h"

namespace tae::testing {

// Rounded once, as numpy does: by way of a float it would be rounded twice.
inline float RoundToHalf(double value) {
  if (value == 0) return 0;
  const double step = std::ldexp(1.0, std::max(std::ilogb(value), -14) - 10);
  return static_cast<float>(std::nearbyint(value / step) * step);
}

// Element i of a tensor, in (-1, 1).
inline double SeededUniform(const std::string& name, size_t i) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name)
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  uint64_t z = hash + i + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return std::ldexp(static_cast<double>(z >> 11), -53) * 2 - 1;
}

// Halves of centre + spread * uniform.
inline std::vector<float> SeededTensor(const std::string& name, size_t count,
                                       double spread, double centre = 0) {
  std::vector<float> values;
  values.reserve(count);
  for (size_t i = 0; i < count; ++i)
    values.push_back(RoundToHalf(centre + spread * SeededUniform(name, i)));
  return values;
}

inline ConvWeights SeededConvOf(const std::string& name, int in, int out,
                                int taps, double gain, bool bias) {
  const size_t fan_in = size_t(in) * taps;
  return {
      in, out, taps,
      SeededTensor(name + ".weight", fan_in * out,
                   std::sqrt(3 * gain / static_cast<double>(fan_in))),
      bias ? SeededTensor(name + ".bias", out, 0.05) : std::vector<float>()};
}

inline LayerWeights SeededBlock(const std::string& name, bool pool) {
  LayerWeights block;
  for (int i = 0; i < 3; ++i)
    block.convs.push_back(SeededConvOf(name + ".conv." + std::to_string(2 * i),
                                       64, 64, 9, i == 2 ? 0.3 : 2, true));
  if (pool)
    block.pool.push_back(
        {SeededConvOf(name + ".pool.0", 64, kPoolWidth, 1, 1, false),
         SeededTensor(name + ".pool.1.weight", kPoolWidth, 0.1, 1),
         SeededTensor(name + ".pool.1.bias", kPoolWidth, 0.05),
         SeededConvOf(name + ".pool.3", kPoolWidth, 64, 1, 0.3, false)});
  return block;
}

// Of any architecture of ours; layers have their index in upstream's
// Sequential as a name.
inline std::shared_ptr<const Model> ModelOfSeededTensors(
    const ModelSpec& spec, const std::string& variant) {
  std::vector<LayerWeights> layers;
  size_t last = 0;
  for (size_t i = 0; i < spec.layers.size(); ++i)
    if (spec.layers[i].kind == LayerKind::kConv3x3) last = i;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    const std::string name = std::to_string(i);
    LayerWeights weights;
    if (layer.kind == LayerKind::kBlock) {
      weights = SeededBlock(name, layer.pool);
    } else if (layer.kind == LayerKind::kLinearRgb) {
      weights.convs = {SeededConvOf(name, layer.in_channels, layer.out_channels,
                                    layer.taps, 0.3, true)};
    } else if (layer.kind == LayerKind::kConv3x3) {
      const double gain = i == last ? 0.05 : layer.bias ? 2 : 1;
      weights.convs = {SeededConvOf(name, layer.in_channels, layer.out_channels,
                                    9, gain, layer.bias)};
      if (i == last) weights.convs[0].bias.assign(layer.out_channels, 0.5f);
    }
    layers.push_back(std::move(weights));
  }
  ModelInfo info;
  info.variant = variant;
  info.architecture = std::string(spec.name);
  info.latent_channels = spec.latent_channels;
  info.pixels_per_latent = spec.pixels_per_latent;
  return std::make_shared<const Model>(spec, std::move(layers), info);
}

}  // namespace tae::testing
