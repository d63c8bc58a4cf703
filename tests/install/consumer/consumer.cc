// Uses libtae as its users do: public headers only, an installed library.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "tae/decoder.h"

int main() {
  auto model = tae::LinearModel("flux2");
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().message().c_str());
    return 1;
  }
  const tae::PlanKey key{.latent = {4, 6}, .format = tae::PixelFormat::kRgb};
  tae::Decoder decoder(*model, {.parallel = tae::MakeThreadPool({})});
  if (tae::Status status = decoder.Prepare(key); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.message().c_str());
    return 1;
  }
  const int channels = tae::GetModelInfo(**model).latent_channels;
  std::vector<float> latent(channels * 4 * 6, 0.5f);
  std::vector<uint8_t> picture(32 * 48 * 3, 1);
  const tae::LatentView view{.data = latent.data(),
                             .size = latent.size() * sizeof(float),
                             .dtype = tae::DType::kF32,
                             .channels = channels,
                             .extent = key.latent};
  tae::FrameView frame{.format = key.format, .width = 48, .height = 32};
  frame.plane[0] = picture.data();
  frame.stride[0] = 48 * 3;
  if (tae::Status status = decoder.Decode(view, frame, nullptr); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.message().c_str());
    return 1;
  }
  std::printf("first pixel: %d %d %d\n", picture[0], picture[1], picture[2]);
  return picture[0] == 1 && picture[1] == 1 ? 1 : 0;
}
