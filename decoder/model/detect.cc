// Names and shapes -> architecture -> floats, every tensor checked.
#include "model/detect.h"

#include <cmath>
#include <set>
#include <utility>

#include "base/half.h"
#include "model/architectures.h"
#include "model/key_style.h"

namespace tae {
namespace {

using Dims = std::vector<int64_t>;

constexpr int64_t kMaxLatentChannels = 64;

// Takes tensors of one decoder out by upstream's names and remembers which.
class Taker {
 public:
  Taker(const TensorFile& file, const DecoderTensors& decoder)
      : file_(file), decoder_(decoder) {}

  bool Has(const std::string& name) const {
    return decoder_.by_name.contains(name);
  }

  // Copies a tensor of this shape. In a message it has the file's own name.
  Status Take(const std::string& name, const Dims& dims,
              std::vector<float>* out);

  // An error when a tensor of the decoder was not taken.
  Status CheckAllTaken() const;

 private:
  const TensorFile& file_;
  const DecoderTensors& decoder_;
  std::set<std::string> taken_;
};

Status Taker::Take(const std::string& name, const Dims& dims,
                   std::vector<float>* out) {
  const auto found = decoder_.by_name.find(name);
  if (found == decoder_.by_name.end()) {
    return DataLoss(file_.path + ": tensor '" + name + "' " + DimsText(dims) +
                    " is missing (key style: " + std::string(decoder_.style) +
                    ", names as upstream's)");
  }
  const TensorView& tensor = *found->second;
  if (tensor.dims != dims) {
    return DataLoss(file_.path + ": tensor '" + tensor.name +
                    "' must have shape " + DimsText(dims) + ", found " +
                    DimsText(tensor.dims));
  }
  taken_.insert(name);
  out->resize(tensor.size / SizeOf(tensor.dtype));
  LoadFloats(tensor.dtype, tensor.data, out->size(), out->data());
  for (const float value : *out) {
    if (!std::isfinite(value)) {
      return DataLoss(file_.path + ": tensor '" + tensor.name +
                      "' holds NaN or Inf; the file is damaged");
    }
  }
  return {};
}

Status Taker::CheckAllTaken() const {
  for (const auto& [name, tensor] : decoder_.by_name) {
    if (taken_.contains(name)) continue;
    return DataLoss(file_.path + ": tensor '" + tensor->name + "' " +
                    DimsText(tensor->dims) +
                    " does not belong to the network that the others make");
  }
  return {};
}

Status TakeConv(Taker& taker, const std::string& name, const LayerSpec& shape,
                ConvWeights* conv) {
  conv->in_channels = shape.in_channels;
  conv->out_channels = shape.out_channels;
  TAE_RETURN_IF_ERROR(taker.Take(name + ".weight",
                                 {shape.out_channels, shape.in_channels, 3, 3},
                                 &conv->weight));
  if (!shape.bias) return {};
  return taker.Take(name + ".bias", {shape.out_channels}, &conv->bias);
}

Status TakePool(Taker& taker, const std::string& name, int width,
                PoolWeights* pool) {
  pool->expand = {.in_channels = width,
                  .out_channels = kPoolWidth,
                  .taps = 1,
                  .weight = {},
                  .bias = {}};
  pool->contract = {.in_channels = kPoolWidth,
                    .out_channels = width,
                    .taps = 1,
                    .weight = {},
                    .bias = {}};
  TAE_RETURN_IF_ERROR(taker.Take(name + ".0.weight", {kPoolWidth, width, 1, 1},
                                 &pool->expand.weight));
  TAE_RETURN_IF_ERROR(
      taker.Take(name + ".1.weight", {kPoolWidth}, &pool->gamma));
  TAE_RETURN_IF_ERROR(taker.Take(name + ".1.bias", {kPoolWidth}, &pool->beta));
  return taker.Take(name + ".3.weight", {width, kPoolWidth, 1, 1},
                    &pool->contract.weight);
}

Status TakeLayer(Taker& taker, const std::string& name, const LayerSpec& layer,
                 LayerWeights* weights) {
  if (layer.kind == LayerKind::kConv3x3) {
    weights->convs.resize(1);
    return TakeConv(taker, name, layer, &weights->convs[0]);
  }
  if (layer.kind != LayerKind::kBlock) return {};
  weights->convs.resize(3);
  for (int i = 0; i < 3; ++i) {
    const std::string conv = name + ".conv." + std::to_string(2 * i);
    TAE_RETURN_IF_ERROR(TakeConv(taker, conv, layer, &weights->convs[i]));
  }
  if (!layer.pool) return {};
  weights->pool.resize(1);
  return TakePool(taker, name + ".pool", layer.in_channels, &weights->pool[0]);
}

// What `tae fit` wrote: rgb in [0, 1] as "linear.weight" [3 p^2, channels, w,
// w] and "linear.bias", w 1 or 3, p 1, 2, 4 or 8.
StatusOr<Detected> DetectLinear(const TensorFile& file,
                                const TensorView& weight) {
  const Dims& dims = weight.dims;
  const int colours =
      dims.empty() || dims[0] > 192 ? 0 : ShuffleScale(int(dims[0]));
  if (dims.size() != 4 || dims[1] < 1 || dims[1] > kMaxLatentChannels ||
      (dims[2] != 1 && dims[2] != 3) || dims[3] != dims[2] ||
      (colours != 1 && colours != 2 && colours != 4 && colours != 8))
    return DataLoss(file.path + ": tensor 'linear.weight' has shape " +
                    DimsText(dims) +
                    "; a linear projection has [3 p p, 1 to 64 channels, w, w] "
                    "with p 1, 2, 4 or 8 and w 1 or 3");
  const int taps = static_cast<int>(dims[2] * dims[3]);
  Detected detected{
      .spec = LinearSpec(static_cast<int>(dims[1]), 8, taps, colours),
      .layers = std::vector<LayerWeights>(1),
      .key_style = "linear"};
  const DecoderTensors all{
      .style = "linear",
      .by_name = {{"weight", &weight}, {"bias", file.Find("linear.bias")}}};
  if (all.by_name.at("bias") == nullptr)
    return DataLoss(file.path + ": tensor 'linear.bias' is missing");
  Taker taker(file, all);
  ConvWeights conv{.in_channels = static_cast<int>(dims[1]),
                   .out_channels = static_cast<int>(dims[0]),
                   .taps = taps,
                   .weight = {},
                   .bias = {}};
  TAE_RETURN_IF_ERROR(taker.Take("weight", dims, &conv.weight));
  TAE_RETURN_IF_ERROR(taker.Take("bias", {dims[0]}, &conv.bias));
  // As the published tables have it, from -1 to 1.
  for (float& w : conv.weight) w *= 2;
  for (float& b : conv.bias) b = 2 * b - 1;
  detected.layers[0].convs.push_back(std::move(conv));
  return detected;
}

// A decoder of this project by its head of 48 = 3 x 4 x 4 outputs, else
// the 8x family: from the first convolution's shape and the pool's presence.
StatusOr<ModelSpec> SpecOf(const TensorFile& file,
                           const DecoderTensors& decoder) {
  const auto first = decoder.by_name.find("1.weight");
  if (const std::string foreign = DescribeForeign(file, decoder);
      !foreign.empty()) {
    return Unsupported(file.path + ": is " + foreign);
  }
  if (first == decoder.by_name.end()) {
    return Unsupported(file.path +
                       ": holds no decoder of the TAESD family (no tensor "
                       "'1.weight' or its like under another key style)");
  }
  const Dims& dims = first->second->dims;
  if (dims.size() != 4 || dims[0] != 64 || dims[1] < 1 ||
      dims[1] > kMaxLatentChannels || dims[2] != 3 || dims[3] != 3) {
    return Unsupported(file.path + ": tensor '" + first->second->name +
                       "' has shape " + DimsText(dims) +
                       "; a decoder of the 8x TAESD family has [64, channels, "
                       "3, 3] with 1 to 64 channels");
  }
  if (const auto head = decoder.by_name.find("8.weight");
      head != decoder.by_name.end() && head->second->dims.size() == 4 &&
      head->second->dims[0] == 48)
    return BuiltinSpec(static_cast<int>(dims[1]));
  return TaesdSpec(static_cast<int>(dims[1]),
                   decoder.by_name.contains("3.pool.0.weight"));
}

}  // namespace

StatusOr<Detected> DetectDecoder(const TensorFile& file) {
  if (const TensorView* linear = file.Find("linear.weight"))
    return DetectLinear(file, *linear);
  const DecoderTensors decoder = FindDecoderTensors(file);
  StatusOr<ModelSpec> spec = SpecOf(file, decoder);
  if (!spec.ok()) return spec.status();
  Detected detected{.spec = *std::move(spec),
                    .layers = {},
                    .key_style = std::string(decoder.style)};
  detected.layers.resize(detected.spec.layers.size());
  Taker taker(file, decoder);
  for (size_t i = 0; i < detected.layers.size(); ++i) {
    TAE_RETURN_IF_ERROR(TakeLayer(taker, std::to_string(i),
                                  detected.spec.layers[i],
                                  &detected.layers[i]));
  }
  TAE_RETURN_IF_ERROR(taker.CheckAllTaken());
  return detected;
}

StatusOr<ModelSpec> DetectSpec(const TensorFile& file) {
  return SpecOf(file, FindDecoderTensors(file));
}

}  // namespace tae
