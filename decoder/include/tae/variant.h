// The latent spaces this library knows: one row a space.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tae/export.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

// One latent space and the published decoder for it. All strings live as long
// as the process.
struct VariantInfo {
  std::string_view name = "";     // "flux2"; caps, properties, metadata
  std::string_view aliases = "";  // comma separated, "flux2-dev,flux2-klein"
  std::string_view description = "";  // for people: "FLUX.2 dev and klein"
  int latent_channels = 0;
  int pixels_per_latent = 8;  // image pixels a latent pixel, each way
  NoiseProcess noise = NoiseProcess::kFlowMatching;  // of its samplers
  std::string_view weights_file = "";  // "taef2_decoder.safetensors"; "" = none
  std::string_view weights_url = "";   // where it is published
  std::string_view weights_sha256 = "";  // "" = not known
};

TAE_EXPORT std::span<const VariantInfo> Variants();

// By any name that people use for the space or for a model of it: name, alias,
// repository ("black-forest-labs/FLUX.1-dev"), diffusers' pipeline
// ("Flux2KleinPipeline"), ComfyUI's latent format ("latent_formats.Wan21"),
// sd.cpp's version. Case and punctuation do not matter. nullptr when unknown.
TAE_EXPORT const VariantInfo* FindVariant(std::string_view name);

// kInvalidArgument: that there is no such variant, and which three come
// nearest to the name.
TAE_EXPORT Status UnknownVariant(std::string_view name);

// All spaces with this many latent channels, the likeliest first (32: flux2,
// 16: flux1, 4: sd). Empty when none.
TAE_EXPORT std::vector<const VariantInfo*> VariantsWithChannels(int channels);

}  // namespace tae
