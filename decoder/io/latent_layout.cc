#include "io/latent_layout.h"

#include <string>

namespace tae {
namespace {

constexpr int kPixelsPerLatent = 8;  // as readers take it for tokens

}  // namespace

std::string_view NameOf(LatentLayout layout) {
  switch (layout) {
    case LatentLayout::kNchw:
      return "nchw";
    case LatentLayout::kNhwc:
      return "nhwc";
    case LatentLayout::kPacked:
      return "packed";
    case LatentLayout::kPackedNchw:
      return "packed-nchw";
    case LatentLayout::kPackedIdeogram4:
      return "packed-ideogram4";
  }
  return "";
}

std::vector<int64_t> DimsOf(const LatentView& latent) {
  const int64_t channels = latent.channels;
  const int64_t height = latent.extent.height;
  const int64_t width = latent.extent.width;
  switch (latent.layout) {
    case LatentLayout::kNchw:
      return {1, channels, height, width};
    case LatentLayout::kNhwc:
      return {1, height, width, channels};
    case LatentLayout::kPackedNchw:
      return {1, 4 * channels, height / 2, width / 2};
    case LatentLayout::kPacked:
    case LatentLayout::kPackedIdeogram4:
      break;
  }
  return {1, (height / 2) * (width / 2), 4 * channels};
}

bool ChannelsLast(LatentLayout layout) {
  return layout != LatentLayout::kNchw && layout != LatentLayout::kPackedNchw;
}

void DescribeView(const LatentView& latent, LatentMetadata* metadata) {
  (*metadata)["layout"] = std::string(NameOf(latent.layout));
  (*metadata)["domain"] =
      latent.domain == LatentDomain::kVae ? "vae" : "sampler";
  if (latent.layout != LatentLayout::kPacked &&
      latent.layout != LatentLayout::kPackedIdeogram4)
    return;
  metadata->emplace("width",
                    std::to_string(latent.extent.width * kPixelsPerLatent));
  metadata->emplace("height",
                    std::to_string(latent.extent.height * kPixelsPerLatent));
}

}  // namespace tae
