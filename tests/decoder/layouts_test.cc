// Latents as producers hand them out, from the bytes of a message to the
// picture: every order and both domains.
#include "support/layouts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/half.h"
#include "kernels/reference/unpack.h"
#include "model/vae_domain.h"
#include "support/full_vae.h"
#include "support/seeded_model.h"
#include "support/shared_data.h"
#include "tae/decoder.h"
#include "tae/latent_stream.h"
#include "tool/golden.h"

namespace tae {
namespace {

using nlohmann::json;
using testing::Arange;
using testing::Array;
using testing::FloatFrame;
using testing::ProducerOrder;
using testing::ProducerOrders;

// A message with this tensor, read back by the library.
StatusOr<LatentMessage> Send(const Array& tensor, LatentMetadata metadata) {
  const size_t size = tensor.values.size() * sizeof(float);
  const auto head = EncodeLatentHeader(StoredType::kF32,
                                       {tensor.dims.begin(), tensor.dims.end()},
                                       size, std::move(metadata));
  if (!head.ok()) return head.status();
  LatentStreamReader reader({});
  TAE_RETURN_IF_ERROR(reader.Push(head->data(), head->size()).status());
  TAE_RETURN_IF_ERROR(reader.Push(tensor.values.data(), size).status());
  auto message = reader.Pull();
  if (!message) return DataLoss("the message is not complete");
  return *std::move(message);
}

// What the decoder loads of a view: [C, H, W] in the sampler's domain.
std::vector<float> Load(const LatentView& view, std::string_view variant) {
  const std::optional<VaeAffine> from_vae = SamplerFromVae(variant);
  const int height = view.extent.height, width = view.extent.width;
  std::vector<float> planes(size_t(view.channels) * height * width);
  std::vector<float> row(size_t(view.channels) * width);
  for (int y = 0; y < height; ++y) {
    UnpackTask task{.latent = &view, .affine = {}, .y = y, .z = row.data()};
    if (view.domain == LatentDomain::kVae && from_vae)
      task.affine = {from_vae->mul.data(), from_vae->add.data()};
    EXPECT_EQ(reference::Unpack(task), 0);
    for (int c = 0; c < view.channels; ++c)
      std::copy_n(&row[size_t(c) * width], width,
                  &planes[(size_t(c) * height + y) * width]);
  }
  return planes;
}

// The order itself, in numbers that a person can follow: two channels of 2x4,
//    0  1  2  3      8  9 10 11
//    4  5  6  7     12 13 14 15
TEST(LayoutsTest, SmallArangeInEveryOrder) {
  const std::vector<float> planes = Arange({16}).values;
  const std::vector<float> pixels = {0, 8,  1, 9,  2, 10, 3, 11,
                                     4, 12, 5, 13, 6, 14, 7, 15};
  const std::vector<float> tokens = {0, 1, 4, 5, 8,  9,  12, 13,
                                     2, 3, 6, 7, 10, 11, 14, 15};
  const std::vector<float> patch_planes = {0, 2,  1, 3,  4,  6,  5,  7,
                                           8, 10, 9, 11, 12, 14, 13, 15};
  const std::vector<float> ideogram4 = {0, 8,  1, 9,  4, 12, 5, 13,
                                        2, 10, 3, 11, 6, 14, 7, 15};
  for (const ProducerOrder& order : ProducerOrders()) {
    const auto packed = order.pack(Arange({2, 2, 4})).values;
    switch (order.layout) {
      case LatentLayout::kNchw:
        EXPECT_EQ(packed, planes) << order.producer;
        break;
      case LatentLayout::kNhwc:
        EXPECT_EQ(packed, pixels) << order.producer;
        break;
      case LatentLayout::kPacked:
        EXPECT_EQ(packed, tokens) << order.producer;
        break;
      case LatentLayout::kPackedNchw:
        EXPECT_EQ(packed, patch_planes) << order.producer;
        break;
      case LatentLayout::kPackedIdeogram4:
        EXPECT_EQ(packed, ideogram4) << order.producer;
        break;
    }
  }
}

TEST(LayoutsTest, ArangeOfEveryOrderIsLoadedAsItWas) {
  for (const ProducerOrder& order : ProducerOrders()) {
    SCOPED_TRACE(order.producer);
    const Array planes = Arange({32, 6, 10});
    const auto message = Send(order.pack(planes), MetadataOf(order, planes));
    ASSERT_TRUE(message.ok()) << message.status().message();
    const auto view = message->View();
    ASSERT_TRUE(view.ok()) << view.status().message();
    EXPECT_EQ(view->layout, order.layout);
    EXPECT_EQ(view->channels, 32);
    EXPECT_EQ(view->extent, (Extent{6, 10}));
    EXPECT_EQ(Load(*view, "flux2"), planes.values);
  }
}

class PublishedSpaces : public ::testing::Test {
 protected:
  void SetUp() override {
    TAE_SHARED_OR_SKIP(path, "latent_formats.json");
    spaces_ = json::parse(std::ifstream(path)).at("spaces");
  }
  json spaces_ = json::object();
};

// Every space with published constants, in every order.
TEST_F(PublishedSpaces, ArangeOfTheVaeDomainIsTurnedBack) {
  int spaces = 0;
  for (const auto& [key, space] : spaces_.items()) {
    const std::string name(FindVariant(key)->name);
    if (!SamplerFromVae(name)) continue;
    ++spaces;
    Array planes = Arange({space.at("latent_channels").get<int>(), 4, 6});
    const auto count = static_cast<float>(planes.values.size());
    for (float& value : planes.values) value = 6 * value / count - 3;
    for (const ProducerOrder& order : ProducerOrders()) {
      SCOPED_TRACE(key + " " + order.producer);
      LatentMetadata metadata = MetadataOf(order, planes);
      metadata["domain"] = "vae";
      const auto message =
          Send(order.pack(testing::ToVae(planes, space)), metadata);
      ASSERT_TRUE(message.ok()) << message.status().message();
      const auto view = message->View();
      // [12, 4, 6]: some spaces' numbers of channels do not show in the shape.
      if (!view.ok() || view->channels != planes.dims[0]) {
        EXPECT_STREQ(order.said, "");
        continue;
      }
      EXPECT_EQ(view->domain, LatentDomain::kVae);
      const std::vector<float> loaded = Load(*view, name);
      ASSERT_EQ(loaded.size(), planes.values.size());
      for (size_t i = 0; i < loaded.size(); ++i)
        ASSERT_NEAR(loaded[i], planes.values[i], 2e-5) << i;
    }
  }
  EXPECT_GE(spaces, 15);
}

// A latent and the decoder for it.
struct Case {
  std::string variant;
  Array planes;
  std::shared_ptr<const Model> model;
  std::vector<float> image;  // what it must become; empty: not stored
};

std::optional<Case> OpenGolden(const std::string& name) {
  const std::string path = SharedFile("golden/" + name);
  if (path.empty()) return std::nullopt;
  const auto golden = tool::ReadGolden(path);
  EXPECT_TRUE(golden.ok()) << golden.status().message();
  if (!golden.ok()) return std::nullopt;
  const LatentView& latent = golden->latent;
  Case opened{golden->variant,
              {{latent.channels, latent.extent.height, latent.extent.width},
               std::vector<float>(latent.size / SizeOf(latent.dtype))},
              nullptr,
              golden->image};
  LoadFloats(latent.dtype, latent.data, opened.planes.values.size(),
             opened.planes.values.data());
  const std::string weights =
      golden->weights.empty() ? SharedFile("weights/taef2_decoder.safetensors")
                              : golden->weights;
  auto model = LoadModel(weights, {.variant = golden->variant});
  EXPECT_TRUE(model.ok()) << model.status().message();
  if (!model.ok()) return std::nullopt;
  opened.model = *model;
  return opened;
}

// One frame of the clip, [1, C, T, H, W], with the linear projection.
std::optional<Case> OpenClipFrame(int t) {
  const std::string path = SharedFile("golden/wan21_clip_ncthw.safetensors");
  if (path.empty()) return std::nullopt;
  const auto clip = ReadLatentFile(path, {});
  EXPECT_TRUE(clip.ok()) << clip.status().message();
  const auto model = LinearModel("wan21");
  EXPECT_TRUE(model.ok()) << model.status().message();
  if (!clip.ok() || !model.ok()) return std::nullopt;
  const LatentHeader& header = clip->messages.front().header;
  const auto dim = [&](int i) { return static_cast<int>(header.dims.at(i)); };
  std::vector<float> all(clip->messages.front().payload.size() /
                         SizeOf(header.dtype));
  LoadFloats(header.dtype, clip->messages.front().payload.data(), all.size(),
             all.data());
  Case opened{"wan21", {{dim(1), dim(3), dim(4)}, {}}, *model, {}};
  const size_t plane = size_t(dim(3)) * dim(4);
  for (int c = 0; c < dim(1); ++c) {
    const auto from = all.begin() + (size_t(c) * dim(2) + t) * plane;
    opened.planes.values.insert(opened.planes.values.end(), from, from + plane);
  }
  return opened;
}

std::optional<Case> Open(const std::string& name) {
  return name == "wan21_clip" ? OpenClipFrame(5)
                              : OpenGolden(name + ".safetensors");
}

class PictureTest : public PublishedSpaces,
                    public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    PublishedSpaces::SetUp();
    case_ = Open(GetParam());
    if (!case_) GTEST_SKIP() << "needs " << GetParam() << " in TAE_SHARED";
    decoder_.emplace(case_->model,
                     DecoderOptions{.backend = Backend::kAuto,
                                    .parallel = MakeThreadPool({.threads = 2}),
                                    .cpu = ""});
    const Extent extent{case_->planes.dims[1], case_->planes.dims[2]};
    ASSERT_TRUE(
        decoder_
            ->Prepare({.latent = extent, .format = PixelFormat::kRgbPlanarF32})
            .ok());
  }

  // The picture of the case's latent, sent in this order and domain.
  std::vector<float> PictureOf(const ProducerOrder& order, const Array& planes,
                               const char* domain) {
    LatentMetadata metadata = MetadataOf(order, planes);
    metadata["domain"] = domain;
    const auto message = Send(order.pack(planes), metadata);
    EXPECT_TRUE(message.ok()) << message.status().message();
    if (!message.ok()) return {};
    const auto view = message->View();
    EXPECT_TRUE(view.ok()) << view.status().message();
    if (!view.ok()) return {};
    FloatFrame frame(8 * planes.dims[2], 8 * planes.dims[1]);
    const Status status = decoder_->Decode(*view, frame.view, nullptr);
    EXPECT_TRUE(status.ok()) << status.message();
    return frame.values;
  }

  // Of the fp16-grade bounds: not more than 6e-3, on average not 4e-4.
  static void ExpectNear(const std::vector<float>& found,
                         const std::vector<float>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    double largest = 0, sum = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const double d = std::abs(double(found[i]) - expected[i]);
      largest = std::max(largest, d);
      sum += d;
    }
    EXPECT_LE(largest, 6e-3);
    EXPECT_LE(sum / static_cast<double>(found.size()), 4e-4);
  }

  std::optional<Case> case_;
  std::optional<Decoder> decoder_;
};

TEST_P(PictureTest, EveryOrderGivesTheSamePictureBitForBit) {
  const std::vector<float> expected =
      PictureOf(ProducerOrders().front(), case_->planes, "sampler");
  if (!case_->image.empty()) ExpectNear(expected, case_->image);
  for (const ProducerOrder& order : ProducerOrders()) {
    EXPECT_EQ(PictureOf(order, case_->planes, "sampler"), expected)
        << order.producer;
  }
}

TEST_P(PictureTest, TheVaeDomainGivesThePictureInEveryOrder) {
  const json& space =
      spaces_.at(case_->variant == "sd" ? "sd1" : case_->variant);
  const Array vae = testing::ToVae(case_->planes, space);
  const std::vector<float> expected =
      PictureOf(ProducerOrders().front(), vae, "vae");
  ExpectNear(expected,
             case_->image.empty()
                 ? PictureOf(ProducerOrders().front(), case_->planes, "sampler")
                 : case_->image);
  for (const ProducerOrder& order : ProducerOrders())
    EXPECT_EQ(PictureOf(order, vae, "vae"), expected) << order.producer;
}

// What the other tests could not tell apart would not be proven by them.
TEST_P(PictureTest, AWrongOrderOrDomainGivesAnotherPicture) {
  const auto& orders = ProducerOrders();
  const std::vector<float> right =
      PictureOf(orders.front(), case_->planes, "sampler");
  const auto distance = [&](const std::vector<float>& found) {
    double sum = 0;
    for (size_t i = 0; i < right.size(); ++i)
      sum += std::abs(double(found[i]) - right[i]);
    return sum / static_cast<double>(right.size());
  };
  for (const ProducerOrder& order : orders) {
    if (order.layout == LatentLayout::kNchw) continue;
    Array scrambled = case_->planes;
    scrambled.values = order.pack(case_->planes).values;
    EXPECT_GT(distance(PictureOf(orders.front(), scrambled, "sampler")), 0.01)
        << order.producer;
  }
  const json& space =
      spaces_.at(case_->variant == "sd" ? "sd1" : case_->variant);
  const Array vae = testing::ToVae(case_->planes, space);
  EXPECT_GT(distance(PictureOf(orders.front(), vae, "sampler")), 0.01);
}

INSTANTIATE_TEST_SUITE_P(Cases, PictureTest,
                         ::testing::Values("flux2_strip_1024x64",
                                           "flux1_seeded_320x192",
                                           "sd_seeded_320x192", "wan21_clip"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace tae
