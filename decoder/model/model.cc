// What a Model owns.
#include "model/model.h"

#include <utility>

#include "model/packed_weights.h"

namespace tae {

Model::Model(ModelSpec spec, std::vector<LayerWeights> layers, ModelInfo info)
    : spec_(std::move(spec)),
      layers_(std::move(layers)),
      info_(std::move(info)),
      packed_(std::make_unique<PackedWeightsCache>()) {}

Model::~Model() = default;

const ModelInfo& GetModelInfo(const Model& model) { return model.info(); }

}  // namespace tae
