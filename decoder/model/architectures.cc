// Architectures as tables of layers.
#include "model/architectures.h"

namespace tae {
namespace {

constexpr int kWidth = 64;

std::string_view TaesdName(int latent_channels, bool with_pool) {
  switch (latent_channels) {
    case 4:
      return with_pool ? "taesd-c4-pool" : "taesd-c4";
    case 16:
      return with_pool ? "taesd-c16-pool" : "taesd-c16";
    case 32:
      return with_pool ? "taesd-c32-pool" : "taesd-c32";
    default:
      return with_pool ? "taesd-pool" : "taesd";
  }
}

LayerSpec Conv(int in_channels, int out_channels, bool bias) {
  return {.kind = LayerKind::kConv3x3,
          .in_channels = in_channels,
          .out_channels = out_channels,
          .bias = bias};
}

LayerSpec Plain(LayerKind kind, int channels) {
  return {.kind = kind, .in_channels = channels, .out_channels = channels};
}

LayerSpec Block(bool pool) {
  return {.kind = LayerKind::kBlock,
          .in_channels = kWidth,
          .out_channels = kWidth,
          .bias = true,
          .pool = pool};
}

}  // namespace

ModelSpec TaesdSpec(int latent_channels, bool with_pool) {
  ModelSpec spec{.name = TaesdName(latent_channels, with_pool),
                 .latent_channels = latent_channels,
                 .pixels_per_latent = 8,
                 .layers = {}};
  auto& layers = spec.layers;
  layers.push_back(Plain(LayerKind::kSoftClamp, latent_channels));
  layers.push_back(Conv(latent_channels, kWidth, true));
  layers.push_back(Plain(LayerKind::kRelu, kWidth));
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < 3; ++block) {
      layers.push_back(Block(with_pool && stage == 0));
    }
    layers.push_back(Plain(LayerKind::kUpsample2, kWidth));
    layers.push_back(Conv(kWidth, kWidth, false));
  }
  layers.push_back(Block(false));
  layers.push_back(Conv(kWidth, 3, true));
  return spec;
}

ModelSpec BuiltinSpec(int latent_channels) {
  return {
      .name = "builtin-shuffle4",
      .latent_channels = latent_channels,
      .pixels_per_latent = 8,
      .layers = {Plain(LayerKind::kSoftClamp, latent_channels),
                 Conv(latent_channels, kWidth, true),
                 Plain(LayerKind::kRelu, kWidth), Block(true), Block(true),
                 Plain(LayerKind::kUpsample2, kWidth),
                 Conv(kWidth, kWidth, true), Plain(LayerKind::kRelu, kWidth),
                 Conv(kWidth, 48, true), Plain(LayerKind::kPixelShuffle, 48)}};
}

ModelSpec LinearSpec(int latent_channels, int pixels_per_latent, int taps,
                     int colours) {
  return {.name = "linear",
          .latent_channels = latent_channels,
          .pixels_per_latent = pixels_per_latent,
          .layers = {{.kind = LayerKind::kLinearRgb,
                      .in_channels = latent_channels,
                      .out_channels = 3 * colours * colours,
                      .bias = true,
                      .taps = taps}}};
}

}  // namespace tae
