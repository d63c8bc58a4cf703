// The stored cases through the element: its frames are the stored pictures.
#include "tool/golden.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

// fp16-grade, and half a step of eight bits; the mean likewise.
constexpr double kMaxAbs = 6e-3 + 0.5 / 255;
constexpr double kMeanAbs = 4e-4 + 0.25 / 255;

std::string Shared(const std::string& name) {
  const char* root = std::getenv("TAE_SHARED");
  return std::string(root != nullptr ? root : "../shared") + "/" + name;
}

const char* FormatOf(tae::DType dtype) {
  switch (dtype) {
    case tae::DType::kF16:
      return "F16LE";
    case tae::DType::kBF16:
      return "BF16LE";
    case tae::DType::kF32:
      return "F32LE";
  }
  return nullptr;
}

class ElementGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(ElementGolden, FramesAreTheStoredPicture) {
  const std::string path =
      Shared("golden/" + std::string(GetParam()) + ".safetensors");
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "needs " << path << ", see TAE_SHARED";
  const auto golden = tae::tool::ReadGolden(path);
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  const tae::LatentView& latent = golden->latent;
  const std::string weights = golden->weights.empty()
                                  ? Shared("weights/taef2_decoder.safetensors")
                                  : golden->weights;
  DecodeHarness harness("taedecode variant=" + golden->variant +
                        " model-file=" + weights);
  harness.SetCaps(
      "video/x-latent,format=" + std::string(FormatOf(latent.dtype)) +
      ",channels=" + std::to_string(latent.channels) +
      ",latent-height=" + std::to_string(latent.extent.height) +
      ",latent-width=" + std::to_string(latent.extent.width) +
      ",framerate=10/1,variant=" + golden->variant);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, latent.size, nullptr);
  gst_buffer_fill(buffer, 0, latent.data, latent.size);
  GST_BUFFER_PTS(buffer) = 0;
  ASSERT_EQ(harness.Push(buffer), GST_FLOW_OK);
  const auto frame = harness.TryPull();
  ASSERT_NE(frame, nullptr);
  const auto bytes = BytesOf(frame.get());
  const int width = golden->image_extent.width;
  const int height = golden->image_extent.height;
  const size_t stride = (3 * size_t(width) + 3) / 4 * 4;
  ASSERT_EQ(bytes.size(), stride * height);
  double largest = 0, sum = 0;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const double want = golden->image[(size_t(c) * height + y) * width + x];
        const double d = std::abs(bytes[y * stride + 3 * x + c] / 255.0 - want);
        largest = std::max(largest, d);
        sum += d;
      }
  EXPECT_LE(largest, kMaxAbs);
  EXPECT_LE(sum / (3.0 * width * height), kMeanAbs);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ElementGolden,
    ::testing::Values("flux2_tiny_8x8", "flux2_strip_1024x64",
                      "flux2_chelsea_264x200", "flux2_coffee_600x400",
                      "flux2_astronaut_512", "flux2_wall_768",
                      "flux1_seeded_320x192", "sd_seeded_320x192"),
    [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tae_test
