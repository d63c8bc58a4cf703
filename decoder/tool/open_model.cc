// Weights if there are any, else what goes without.
#include "tool/open_model.h"

#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "model/model.h"
#include "model/variants.h"

namespace tae::tool {
namespace {

using ModelOr = StatusOr<std::shared_ptr<const Model>>;

void Warn(const std::string& sentence) {
  std::fprintf(stderr, "warning: %s\n", sentence.c_str());
}

ConvWeights ZeroConv(int in_channels, int out_channels, int taps, bool bias) {
  const auto in = static_cast<size_t>(in_channels);
  const auto out = static_cast<size_t>(out_channels);
  return {.in_channels = in_channels,
          .out_channels = out_channels,
          .taps = taps,
          .weight = std::vector<float>(in * out * static_cast<size_t>(taps)),
          .bias = std::vector<float>(bias ? out : 0)};
}

LayerWeights ZeroLayer(const LayerSpec& layer) {
  LayerWeights weights;
  const int convs = layer.kind == LayerKind::kBlock     ? 3
                    : layer.kind == LayerKind::kConv3x3 ? 1
                                                        : 0;
  for (int i = 0; i < convs; ++i) {
    weights.convs.push_back(
        ZeroConv(layer.in_channels, layer.out_channels, 9, layer.bias));
  }
  if (layer.pool) {
    weights.pool.push_back(
        {.expand = ZeroConv(layer.in_channels, kPoolWidth, 1, false),
         .gamma = std::vector<float>(kPoolWidth),
         .beta = std::vector<float>(kPoolWidth),
         .contract = ZeroConv(kPoolWidth, layer.in_channels, 1, false)});
  }
  return weights;
}

}  // namespace

StatusOr<Method> ParseMethod(const std::string& word) {
  if (word.empty() || word == "auto") return Method::kAuto;
  if (word == "tae") return Method::kTae;
  if (word == "builtin") return Method::kBuiltin;
  if (word == "linear") return Method::kLinear;
  return InvalidArgument("method '" + word +
                         "' is none of auto, tae, builtin, linear");
}

StatusOr<int> ParseRung(const Model& model, const std::string& word) {
  if (word.empty()) return 0;
  std::string known;
  int index = 0;
  for (const RungInfo& rung : GetRungs(model)) {
    std::string name = rung.name;
    if (rung.downscale > 1) name += "/" + std::to_string(rung.downscale);
    if (word == name) return index;
    known += (index++ == 0 ? "" : ", ") + name;
  }
  return InvalidArgument("rung '" + word + "' is none of " + known);
}

ModelOr OpenModel(const ModelRequest& request) {
  if (request.variant.empty() && request.model_file.empty()) {
    return InvalidArgument("name the --variant or a --model file");
  }
  const StatusOr<OpenedModel> opened = OpenBest(request);
  if (!opened.ok()) return opened.status();
  for (const std::string& warning : opened->warnings) Warn(warning);
  if (!opened->stand_in.empty()) Warn(opened->stand_in);
  return opened->model;
}

ModelOr ZeroModel(const std::string& variant) {
  const VariantInfo* row = FindVariant(variant);
  if (row == nullptr) {
    return UnknownVariant(variant);
  }
  const std::optional<ModelSpec> spec = ArchitectureOf(row->name);
  if (!spec) {
    return Unsupported("variant " + std::string(row->name) +
                       " has no decoder that this library runs; try --method "
                       "linear");
  }
  std::vector<LayerWeights> layers;
  for (const LayerSpec& layer : spec->layers) {
    layers.push_back(ZeroLayer(layer));
  }
  ModelInfo info;
  info.variant = std::string(row->name);
  info.architecture = std::string(spec->name);
  info.latent_channels = spec->latent_channels;
  info.pixels_per_latent = spec->pixels_per_latent;
  return std::make_shared<const Model>(*spec, std::move(layers),
                                       std::move(info));
}

}  // namespace tae::tool
