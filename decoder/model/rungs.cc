#include "model/rungs.h"

#include <algorithm>
#include <utility>

#include "base/half.h"

namespace tae {
namespace {

// The weights whose output is the mean of d x d pixels of the shuffled picture.
ConvWeights MeanOfPixels(const ConvWeights& conv, int k, int d) {
  const int small = k / d;
  const size_t row = conv.weight.size() / conv.out_channels;
  ConvWeights mean{.in_channels = conv.in_channels,
                   .out_channels = 3 * small * small,
                   .taps = conv.taps,
                   .weight = {},
                   .bias = {}};
  mean.weight.resize(mean.out_channels * row);
  mean.bias.resize(conv.bias.empty() ? 0 : mean.out_channels);
  const float share = 1.0f / static_cast<float>(d * d);
  for (int from = 0; from < conv.out_channels; ++from) {
    const int c = from / (k * k), y = from / k % k / d, x = from % k / d;
    const int to = (c * small + y) * small + x;
    for (size_t i = 0; i < row; ++i)
      mean.weight[to * row + i] += conv.weight[from * row + i] * share;
    if (!conv.bias.empty()) mean.bias[to] += conv.bias[from] * share;
  }
  return mean;
}

class LadderBuilder {
 public:
  LadderBuilder(ModelSpec* spec, std::vector<LayerWeights>* weights)
      : spec_(*spec), weights_(*weights) {
    spec_.rungs = RungsOf(spec_);
  }

  void AddDownscaled() {
    const size_t count = spec_.rungs.size();
    for (size_t i = 0; i < count; ++i) {
      const int shuffle = spec_.rungs[i].layers.back();
      if (spec_.layers[shuffle].kind == LayerKind::kLinearRgb)
        AddCoarser(i, ShuffleScale(spec_.layers[shuffle].out_channels));
      if (spec_.layers[shuffle].kind != LayerKind::kPixelShuffle) continue;
      const int k = ShuffleScale(spec_.layers[shuffle].in_channels);
      for (int d = 2; d <= k; d *= 2) AddDownscaledBy(d, k, i);
    }
  }

  // Layers of the full rung before its stage-th upsampling.
  std::vector<int> Trunk(int stage) const {
    std::vector<int> layers;
    for (int layer : spec_.rungs[0].layers) {
      if (spec_.layers[layer].kind == LayerKind::kUpsample2 && --stage == 0)
        return layers;
      layers.push_back(layer);
    }
    return {};
  }

  int Add(const LayerSpec& layer, ConvWeights conv) {
    LayerWeights weights;
    if (layer.kind == LayerKind::kConv3x3)
      weights.convs.push_back(std::move(conv));
    spec_.layers.push_back(layer);
    weights_.push_back(std::move(weights));
    return static_cast<int>(spec_.layers.size()) - 1;
  }

  void AddRung(Rung rung) { spec_.rungs.push_back(std::move(rung)); }

 private:
  // A linear projection gives squares of equal pixels: smaller ones are enough.
  void AddCoarser(size_t index, int colours) {
    for (int d = 2; d <= 8; d *= 2) {
      if (spec_.pixels_per_latent % d != 0 ||
          spec_.pixels_per_latent / d % colours != 0)
        return;
      Rung rung = spec_.rungs[index];
      rung.downscale = d;
      AddRung(std::move(rung));
    }
  }

  void AddDownscaledBy(int d, int k, size_t index) {
    Rung rung = spec_.rungs[index];
    rung.downscale *= d;
    rung.layers.pop_back();
    const int conv = rung.layers.back();
    rung.layers.pop_back();
    LayerSpec layer = spec_.layers[conv];
    layer.out_channels = 3 * (k / d) * (k / d);
    rung.layers.push_back(
        Add(layer, MeanOfPixels(weights_[conv].convs[0], k, d)));
    if (d < k)
      rung.layers.push_back(Add({.kind = LayerKind::kPixelShuffle,
                                 .in_channels = layer.out_channels,
                                 .out_channels = layer.out_channels},
                                {}));
    AddRung(std::move(rung));
  }

  ModelSpec& spec_;
  std::vector<LayerWeights>& weights_;
};

// A convolution of a head; out_channels from the file.
StatusOr<ConvWeights> TakeConv(const TensorFile& file,
                               const std::string& name) {
  const TensorView* weight = file.Find(name + ".weight");
  const TensorView* bias = file.Find(name + ".bias");
  if (weight == nullptr || bias == nullptr)
    return DataLoss(file.path + ": tensor '" + name + "." +
                    (weight == nullptr ? "weight" : "bias") + "' is missing");
  const bool fits = weight->dims.size() == 4 && weight->dims[0] <= 64 &&
                    weight->dims[1] == 64 && weight->dims[2] == 3 &&
                    weight->dims[3] == 3 && bias->dims.size() == 1 &&
                    bias->dims[0] == weight->dims[0];
  if (!fits)
    return DataLoss(file.path + ": tensor '" + name +
                    ".weight' must have shape [up to 64, 64, 3, 3] and a bias "
                    "of as many, found " +
                    DimsText(weight->dims) + " and " + DimsText(bias->dims));
  ConvWeights conv{.in_channels = 64,
                   .out_channels = static_cast<int>(weight->dims[0]),
                   .taps = 9,
                   .weight = std::vector<float>(weight->dims[0] * 64 * 9),
                   .bias = std::vector<float>(weight->dims[0])};
  LoadFloats(weight->dtype, weight->data, conv.weight.size(),
             conv.weight.data());
  LoadFloats(bias->dtype, bias->data, conv.bias.size(), conv.bias.data());
  return conv;
}

LayerSpec ConvLayer(const ConvWeights& conv) {
  return {.kind = LayerKind::kConv3x3,
          .in_channels = conv.in_channels,
          .out_channels = conv.out_channels,
          .bias = true};
}

Status AddExit(const TensorFile& heads, int stage, LadderBuilder& ladder) {
  const std::string name = "stage" + std::to_string(stage);
  int index = stage == 1 ? 1 : 0;
  if (heads.Find(name + "." + std::to_string(index) + ".weight") == nullptr)
    return {};
  Rung rung{.name = name, .layers = ladder.Trunk(stage)};
  if (stage == 1)
    rung.layers.push_back(ladder.Add({.kind = LayerKind::kUpsample2}, {}));
  auto first = TakeConv(heads, name + "." + std::to_string(index));
  if (!first.ok()) return first.status();
  auto last = TakeConv(heads, name + "." + std::to_string(index + 2));
  if (!last.ok()) return last.status();
  // What the trunk and the upsampling left to do.
  const int k = stage == 3 ? 2 : 4;
  if (first->out_channels != 64 || last->out_channels != 3 * k * k)
    return DataLoss(heads.path + ": the head of " + name +
                    " must have 64 and " + std::to_string(3 * k * k) +
                    " outputs, found " + std::to_string(first->out_channels) +
                    " and " + std::to_string(last->out_channels));
  const LayerSpec first_layer = ConvLayer(*first);
  const LayerSpec last_layer = ConvLayer(*last);
  rung.layers.push_back(ladder.Add(first_layer, *std::move(first)));
  rung.layers.push_back(ladder.Add({.kind = LayerKind::kRelu}, {}));
  rung.layers.push_back(ladder.Add(last_layer, *std::move(last)));
  rung.layers.push_back(ladder.Add({.kind = LayerKind::kPixelShuffle,
                                    .in_channels = last_layer.out_channels,
                                    .out_channels = last_layer.out_channels},
                                   {}));
  ladder.AddRung(std::move(rung));
  return {};
}

}  // namespace

void AddDownscaledRungs(ModelSpec* spec, std::vector<LayerWeights>* weights) {
  LadderBuilder(spec, weights).AddDownscaled();
}

Status AddExits(const TensorFile& heads, ModelSpec* spec,
                std::vector<LayerWeights>* weights) {
  LadderBuilder ladder(spec, weights);
  for (int stage = 3; stage >= 1; --stage)
    TAE_RETURN_IF_ERROR(AddExit(heads, stage, ladder));
  return {};
}

}  // namespace tae
