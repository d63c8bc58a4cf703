// A ModelSpec with weights that passed every check. Immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/model_spec.h"
#include "tae/decoder.h"

namespace tae {

// One convolution, as floats. weight is [out][in][3][3] (or [out][in] for
// 1x1); bias is empty where the network has none.
struct ConvWeights {
  int in_channels = 0;
  int out_channels = 0;
  int taps = 9;  // 9 or 1
  std::vector<float> weight;
  std::vector<float> bias;
};

struct PoolWeights {
  ConvWeights expand;        // 1x1, 64 -> 256
  std::vector<float> gamma;  // [256]
  std::vector<float> beta;   // [256]
  ConvWeights contract;      // 1x1, 256 -> 64
};

// Weights of one layer of the spec; what a kind does not have stays empty.
struct LayerWeights {
  std::vector<ConvWeights> convs;  // kConv3x3: 1; kBlock: 3; kLinearRgb: 1
  std::vector<PoolWeights> pool;   // kBlock with pool: 1
};

class PackedWeightsCache;  // model/packed_weights.h: packed once, shared

class Model {
 public:
  Model(ModelSpec spec, std::vector<LayerWeights> layers, ModelInfo info);
  ~Model();

  const ModelSpec& spec() const { return spec_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  const ModelInfo& info() const { return info_; }
  // Weights in the order of a kernel table, packed on first use, then shared by
  // every plan of this model. Thread-safe.
  PackedWeightsCache& packed() const { return *packed_; }

 private:
  ModelSpec spec_;
  std::vector<LayerWeights> layers_;
  ModelInfo info_;
  std::unique_ptr<PackedWeightsCache> packed_;
};

}  // namespace tae
