#include "tool/picture.h"

#include <filesystem>

namespace tae::tool {
namespace {

std::string Metadata(const LatentMessage& message, const std::string& key) {
  const auto found = message.header.metadata.find(key);
  return found == message.header.metadata.end() ? "" : found->second;
}

}  // namespace

StatusOr<ModelRequest> RequestFor(const LatentView& latent,
                                  const LatentMessage& message,
                                  const std::string& path,
                                  const Arguments& arguments) {
  const auto method = ParseMethod(arguments.Value("--method"));
  if (!method.ok()) return method.status();
  ModelRequest request{.variant = arguments.Value("--variant"),
                       .model_file = arguments.Value("--model"),
                       .method = *method};
  if (request.variant.empty())
    request.variant = message.header.description.space;
  if (request.variant.empty()) {
    const auto likely = VariantsWithChannels(latent.channels);
    if (!likely.empty()) request.variant = likely.front()->name;
  }
  const std::string weights = Metadata(message, "weights");
  if (request.model_file.empty() && !weights.empty())
    request.model_file = (std::filesystem::path(path).parent_path() /
                          std::filesystem::path(weights).filename())
                             .string();
  return request;
}

StatusOr<std::vector<float>> Picture(Decoder& decoder,
                                     const LatentView& latent) {
  TAE_RETURN_IF_ERROR(decoder.Prepare(
      {.latent = latent.extent, .format = PixelFormat::kRgbPlanarF32}));
  const int scale = GetModelInfo(decoder.model()).pixels_per_latent;
  FrameView frame{.format = PixelFormat::kRgbPlanarF32,
                  .width = latent.extent.width * scale,
                  .height = latent.extent.height * scale};
  const size_t plane = size_t(frame.width) * size_t(frame.height);
  std::vector<float> pixels(3 * plane);
  for (int c = 0; c < 3; ++c) {
    frame.plane[c] = pixels.data() + size_t(c) * plane;
    frame.stride[c] = frame.width * ptrdiff_t{sizeof(float)};
  }
  TAE_RETURN_IF_ERROR(decoder.Decode(latent, frame, nullptr));
  return pixels;
}

}  // namespace tae::tool
