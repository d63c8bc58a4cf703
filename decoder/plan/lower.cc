#include "plan/lower.h"

#include <string>

namespace tae {
namespace {

class Lowering {
 public:
  Lowering(const ModelSpec& spec, const std::vector<int>& layers, Extent latent)
      : spec_(spec), layers_(layers), extent_(latent) {}

  StatusOr<StepList> Run() {
    while (next_ < Count()) TAE_RETURN_IF_ERROR(LowerNext());
    if (list_.steps.empty() || list_.steps.back().output != kNoTensor)
      return Refuse("the network does not end in a picture");
    return std::move(list_);
  }

 private:
  int Count() const { return static_cast<int>(layers_.size()); }
  const LayerSpec& Layer(int i) const { return spec_.layers[i]; }
  bool NextIs(LayerKind kind) const {
    return next_ < Count() && Layer(layers_[next_]).kind == kind;
  }

  Status Refuse(const std::string& why) const {
    const int layer = next_ == 0 ? 0 : layers_[next_ - 1];
    return Unsupported("architecture " + std::string(spec_.name) + ", layer " +
                       std::to_string(layer) + ": " + why);
  }

  Status LowerNext() {
    const int layer = layers_[next_++];
    switch (Layer(layer).kind) {
      case LayerKind::kSoftClamp:
        if (!list_.steps.empty()) return Refuse("soft clamp must come first");
        current_ = Emit({.kind = StepKind::kLoad, .layer = layer},
                        spec_.latent_channels);
        return {};
      case LayerKind::kConv3x3:
        return LowerConv(layer);
      case LayerKind::kBlock:
        return LowerBlock(layer);
      case LayerKind::kUpsample2:
        return LowerUpConv();
      case LayerKind::kPixelShuffle:
        return LowerShuffle(layer);
      case LayerKind::kLinearRgb:
        if (!list_.steps.empty()) return Refuse("linear must be alone");
        list_.steps.push_back({.kind = StepKind::kLinearRgb, .layer = layer});
        return {};
      case LayerKind::kRelu:
        return Refuse("a ReLU needs a convolution before it");
    }
    return Refuse("unknown kind of layer");
  }

  Status LowerConv(int layer) {
    if (current_ == kNoTensor) return Refuse("a convolution needs an input");
    if (next_ == Count() && Layer(layer).out_channels == 3) {
      Read(current_);
      list_.steps.push_back(
          {.kind = StepKind::kStoreRgb, .layer = layer, .input = current_});
      current_ = kNoTensor;
      return {};
    }
    current_ = Emit({.kind = StepKind::kConv,
                     .layer = layer,
                     .input = current_,
                     .epilogue = {.relu = TakeRelu()}},
                    Layer(layer).out_channels);
    return {};
  }

  Status LowerBlock(int layer) {
    if (current_ == kNoTensor) return Refuse("a block needs an input");
    const LayerSpec& spec = Layer(layer);
    if (spec.in_channels != spec.out_channels)
      return Refuse("a block that changes the number of channels");
    if (spec.pool) {
      Read(current_);
      list_.steps.push_back({.kind = StepKind::kPool,
                             .layer = layer,
                             .input = current_,
                             .output = current_});
    }
    const int skip = current_;
    for (int conv = 0; conv < 3; ++conv)
      current_ = Emit(
          {.kind = StepKind::kConv,
           .layer = layer,
           .conv = conv,
           .input = current_,
           .epilogue = {.relu = true, .skip = conv == 2 ? skip : kNoTensor}},
          spec.out_channels);
    return {};
  }

  Status LowerUpConv() {
    if (current_ == kNoTensor) return Refuse("upsampling needs an input");
    if (!NextIs(LayerKind::kConv3x3))
      return Refuse("upsampling must be followed by a 3x3");
    extent_ = {extent_.height * 2, extent_.width * 2};
    const int layer = layers_[next_++];
    current_ = Emit({.kind = StepKind::kUpConv,
                     .layer = layer,
                     .input = current_,
                     .epilogue = {.relu = TakeRelu()}},
                    Layer(layer).out_channels);
    return {};
  }

  Status LowerShuffle(int layer) {
    const int scale = ShuffleScale(Layer(layer).in_channels);
    if (current_ == kNoTensor || next_ != Count())
      return Refuse("a pixel shuffle must come last");
    if (scale != 2 && scale != 4)
      return Refuse("a pixel shuffle takes 12 or 48 channels, found " +
                    std::to_string(Layer(layer).in_channels));
    Read(current_);
    list_.steps.push_back(
        {.kind = StepKind::kShuffle, .layer = layer, .input = current_});
    current_ = kNoTensor;
    return {};
  }

  // Whether a ReLU follows, which then is part of what came before.
  bool TakeRelu() {
    const bool relu = NextIs(LayerKind::kRelu);
    if (relu) ++next_;
    return relu;
  }

  void Read(int tensor) {
    if (tensor != kNoTensor)
      list_.tensors[tensor].last_step = static_cast<int>(list_.steps.size());
  }

  // Adds a step with a new output tensor and returns that tensor.
  int Emit(Step step, int channels) {
    const int now = static_cast<int>(list_.steps.size());
    Read(step.input);
    Read(step.epilogue.skip);
    step.output = static_cast<int>(list_.tensors.size());
    list_.tensors.push_back({.channels = channels,
                             .extent = extent_,
                             .first_step = now,
                             .last_step = now});
    list_.steps.push_back(step);
    return step.output;
  }

  const ModelSpec& spec_;
  const std::vector<int>& layers_;  // of the rung
  Extent extent_;
  StepList list_;
  int next_ = 0;  // index of layers_
  int current_ = kNoTensor;
};

}  // namespace

StatusOr<StepList> Lower(const ModelSpec& spec, const std::vector<int>& layers,
                         Extent latent) {
  return Lowering(spec, layers, latent).Run();
}

}  // namespace tae
