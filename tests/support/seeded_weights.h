// A decoder's file in the layout of the published ones, made from a seed, for
// tests that have no weights at hand.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support/safetensors_writer.h"

namespace tae::testing {

class SeededWeights {
 public:
  // TAESD's decoder without GroupNorm: 4 channels SD, 16 SD 3 and FLUX.1.
  explicit SeededWeights(int latent_channels) {
    AddConv("1", latent_channels, 64, true);
    int layer = 3;
    for (int stage = 0; stage < 3; ++stage) {
      for (int block = 0; block < 3; ++block) AddBlock(layer++);
      ++layer;  // upsampling
      AddConv(std::to_string(layer++), 64, 64, false);
    }
    AddBlock(layer++);
    AddConv(std::to_string(layer), 64, 3, true);
  }

  std::vector<uint8_t> bytes() const { return WriteSafetensors(tensors_); }

 private:
  void AddBlock(int layer) {
    for (int conv : {0, 2, 4})
      AddConv(std::to_string(layer) + ".conv." + std::to_string(conv), 64, 64,
              true);
  }

  void AddConv(const std::string& name, int in, int out, bool bias) {
    const float deviation = 0.7f * std::sqrt(2.0f / float(9 * in));
    Add(name + ".weight", {out, in, 3, 3}, deviation);
    if (bias) Add(name + ".bias", {out}, 0.05f);
  }

  void Add(const std::string& name, std::vector<int64_t> dims,
           float deviation) {
    size_t count = 1;
    for (const int64_t dim : dims) count *= size_t(dim);
    std::normal_distribution<float> normal(0, deviation);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_);
    TensorToWrite tensor{.name = name, .dims = std::move(dims), .bytes = {}};
    tensor.bytes.resize(count * sizeof(float));
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    tensors_.push_back(std::move(tensor));
  }

  std::mt19937 random_{1};
  std::vector<TensorToWrite> tensors_;
};

}  // namespace tae::testing
