// A latent in every order and both domains, from a file through latentsrc and
// taedecode: always the same picture.
#include "support/layouts.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/half.h"
#include "support/decode_harness.h"
#include "support/full_vae.h"
#include "support/shared_data.h"
#include "support/temp_folder.h"
#include "tae/latent_stream.h"
#include "tool/golden.h"

namespace tae_test {
namespace {

using tae::testing::Array;
using tae::testing::ProducerOrder;
using tae::testing::ProducerOrders;

class ElementLayouts : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path =
        tae::SharedFile("golden/" + std::string(GetParam()) + ".safetensors");
    const std::string formats = tae::SharedFile("latent_formats.json");
    if (path.empty() || formats.empty())
      GTEST_SKIP() << "needs " << GetParam() << " in TAE_SHARED";
    auto golden = tae::tool::ReadGolden(path);
    ASSERT_TRUE(golden.ok()) << golden.status().message();
    golden_ = *std::move(golden);
    const tae::LatentView& latent = golden_.latent;
    planes_ = {{latent.channels, latent.extent.height, latent.extent.width},
               std::vector<float>(latent.size / SizeOf(latent.dtype))};
    tae::LoadFloats(latent.dtype, latent.data, planes_.values.size(),
                    planes_.values.data());
    space_ = nlohmann::json::parse(std::ifstream(formats))
                 .at("spaces")
                 .at(golden_.variant);
  }

  // The frame that comes of a file with this tensor.
  std::vector<uint8_t> FrameOf(const ProducerOrder& order, const Array& planes,
                               const char* domain) {
    const Array tensor = order.pack(planes);
    const size_t size = tensor.values.size() * sizeof(float);
    tae::LatentMetadata metadata = MetadataOf(order, planes);
    metadata["domain"] = domain;
    const auto head = tae::EncodeLatentHeader(
        tae::StoredType::kF32, {tensor.dims.begin(), tensor.dims.end()}, size,
        std::move(metadata));
    EXPECT_TRUE(head.ok()) << head.status().message();
    std::vector<uint8_t> bytes(head->begin(), head->end());
    const auto* data = reinterpret_cast<const uint8_t*>(tensor.values.data());
    bytes.insert(bytes.end(), data, data + size);
    const std::string path = folder_.Write("latent.safetensors", bytes);
    const std::string weights =
        golden_.weights.empty()
            ? tae::SharedFile("weights/taef2_decoder.safetensors")
            : golden_.weights;
    GstHarness* h = gst_harness_new_parse(
        ("latentsrc location=" + path + " variant=" + golden_.variant +
         " ! taedecode variant=" + golden_.variant + " model-file=" + weights)
            .c_str());
    gst_harness_set_sink_caps_str(h, "video/x-raw,format=RGB");
    gst_harness_play(h);
    const GstPtr<GstBuffer> frame(gst_harness_pull(h));
    std::vector<uint8_t> pixels;
    if (frame != nullptr) pixels = BytesOf(frame.get());
    gst_harness_teardown(h);
    return pixels;
  }

  tae::TempFolder folder_;
  tae::tool::Golden golden_;
  Array planes_;
  nlohmann::json space_;
};

// fp16-grade, and half a step of eight bits.
void ExpectPicture(const std::vector<uint8_t>& frame,
                   const tae::tool::Golden& golden) {
  const int width = golden.image_extent.width;
  const int height = golden.image_extent.height;
  const size_t stride = (3 * size_t(width) + 3) / 4 * 4;
  ASSERT_EQ(frame.size(), stride * height);
  double largest = 0;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        largest = std::max(
            largest,
            std::abs(frame[y * stride + 3 * x + c] / 255.0 -
                     golden.image[(size_t(c) * height + y) * width + x]));
  EXPECT_LE(largest, 6e-3 + 0.5 / 255);
}

TEST_P(ElementLayouts, EveryOrderOfTheSamplersDomain) {
  const auto expected = FrameOf(ProducerOrders().front(), planes_, "sampler");
  ExpectPicture(expected, golden_);
  for (const ProducerOrder& order : ProducerOrders())
    EXPECT_EQ(FrameOf(order, planes_, "sampler"), expected) << order.producer;
}

TEST_P(ElementLayouts, EveryOrderOfTheVaesDomain) {
  const Array vae = ToVae(planes_, space_);
  const auto expected = FrameOf(ProducerOrders().front(), vae, "vae");
  ExpectPicture(expected, golden_);
  for (const ProducerOrder& order : ProducerOrders())
    EXPECT_EQ(FrameOf(order, vae, "vae"), expected) << order.producer;
}

INSTANTIATE_TEST_SUITE_P(Cases, ElementLayouts,
                         ::testing::Values("flux2_strip_1024x64",
                                           "flux1_seeded_320x192"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace tae_test
