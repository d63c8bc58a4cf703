// The reader and the writer of the stream: any split, truncation, limits,
// round trips.
#include "tae/latent_stream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "base/half.h"
#include "support/latent_bytes.h"

namespace tae {
namespace {

using testing::SmallMessage;

// All messages of `bytes`, pushed `split` bytes at a time.
StatusOr<std::vector<LatentMessage>> ReadAll(const std::string& bytes,
                                             size_t split,
                                             LatentLimits limits = {}) {
  std::vector<LatentMessage> messages;
  LatentStreamReader reader(limits);
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min(split, bytes.size() - at);
    StatusOr<size_t> taken = reader.Push(bytes.data() + at, size);
    if (!taken.ok()) return taken.status();
    at += *taken;
    if (std::optional<LatentMessage> message = reader.Pull())
      messages.push_back(*std::move(message));
  }
  TAE_RETURN_IF_ERROR(reader.Finish());
  return messages;
}

std::string MixedStream() {
  return SmallMessage("1") +
         testing::Npy(
             "{'descr': '<f4', 'fortran_order': False, 'shape': "
             "(1, 4, 1, 2), }",
             std::string(32, 'f')) +
         SmallMessage("2");
}

TEST(LatentStreamReader, AnySplitGivesTheSameMessages) {
  const std::string bytes = MixedStream();
  for (size_t split : {1, 2, 3, 7, 10, 64, 100000}) {
    StatusOr<std::vector<LatentMessage>> read = ReadAll(bytes, split);
    ASSERT_TRUE(read.ok()) << read.status().message();
    ASSERT_EQ(read->size(), 3u);
    EXPECT_EQ((*read)[0].header.description.step, 1);
    EXPECT_EQ((*read)[1].header.source, LatentSource::kNpy);
    EXPECT_EQ((*read)[1].payload, std::vector<uint8_t>(32, 'f'));
    EXPECT_EQ((*read)[2].header.description.step, 2);
    EXPECT_EQ((*read)[2].payload,
              (std::vector<uint8_t>{0, 0, 0, 0x3c, 0, 0x40, 0, 0x42}));
  }
}

TEST(LatentStreamReader, TruncationAtEveryByteIsReported) {
  const std::string bytes = MixedStream();
  const size_t first = SmallMessage("1").size();
  const size_t last = bytes.size() - SmallMessage("2").size();
  for (size_t end = 1; end < bytes.size(); ++end) {
    StatusOr<std::vector<LatentMessage>> read =
        ReadAll(bytes.substr(0, end), 5);
    if (end == first || end == last) {
      EXPECT_TRUE(read.ok()) << end;
      continue;
    }
    ASSERT_FALSE(read.ok()) << end;
    EXPECT_EQ(read.status().code(), StatusCode::kDataLoss);
    EXPECT_NE(read.status().message().find("truncated"), std::string::npos)
        << read.status().message();
  }
}

TEST(LatentStreamReader, LimitsHoldBeforeThePayload) {
  const std::string bytes = SmallMessage();
  EXPECT_FALSE(ReadAll(bytes, 100, {.header_bytes = 16}).ok());
  EXPECT_FALSE(ReadAll(bytes, 100, {.payload_bytes = 7}).ok());
  EXPECT_TRUE(ReadAll(bytes, 100, {.payload_bytes = 8}).ok());
}

TEST(LatentStreamReader, StaysInErrorUntilReset) {
  LatentStreamReader reader({});
  EXPECT_FALSE(reader.Push("PK\x03\x04 a zip file", 14).ok());
  EXPECT_FALSE(reader.Push("x", 1).ok());
  EXPECT_FALSE(reader.Finish().ok());
  reader.Reset();
  const std::string bytes = SmallMessage();
  StatusOr<size_t> taken = reader.Push(bytes.data(), bytes.size());
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(*taken, bytes.size());
  EXPECT_TRUE(reader.Pull().has_value());
  EXPECT_FALSE(reader.Pull().has_value());
}

TEST(LatentStreamReader, WaitsForPull) {
  const std::string bytes = SmallMessage() + SmallMessage();
  LatentStreamReader reader({});
  EXPECT_EQ(*reader.Push(bytes.data(), bytes.size()), bytes.size() / 2);
  EXPECT_EQ(*reader.Push(bytes.data(), bytes.size()), 0u);
  EXPECT_TRUE(reader.Pull().has_value());
  EXPECT_EQ(*reader.Push(bytes.data(), bytes.size()), bytes.size() / 2);
}

TEST(LatentStreamReader, LetsOtherTensorsPass) {
  const std::string bytes = testing::Safetensors(
      R"({"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]},)"
      R"("latent":{"dtype":"F16","shape":[1,4,1,1],"data_offsets":[4,12]},)"
      R"("z":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}})",
      "aaaallllllllzzz");
  StatusOr<std::vector<LatentMessage>> read = ReadAll(bytes + bytes, 4);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].payload, std::vector<uint8_t>(8, 'l'));
}

TEST(EncodeLatentHeader, RoundTripsWithMetadata) {
  LatentDescription said;
  said.space = "flux2";
  said.step = 3;
  said.sigma = 0.1;
  said.seed = UINT64_MAX;
  said.final = true;
  said.prompt = "a \"quoted\" cat\xff \xc3\xa9";
  LatentMetadata metadata = {{"my-own-key", "kept"}};
  StoreDescription(said, &metadata);
  StatusOr<std::string> head =
      EncodeLatentHeader(StoredType::kF16, {1, 4, 2, 3}, 48, metadata);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->size() % 8, 0u);
  StatusOr<std::vector<LatentMessage>> read =
      ReadAll(*head + std::string(48, 'x'), 9);
  ASSERT_TRUE(read.ok()) << read.status().message();
  const LatentHeader& header = (*read)[0].header;
  EXPECT_EQ(header.metadata.at("my-own-key"), "kept");
  EXPECT_EQ(header.description.space, "flux2");
  EXPECT_EQ(header.description.sigma, 0.1);
  EXPECT_EQ(header.description.seed, UINT64_MAX);
  EXPECT_EQ(header.description.final, true);
  EXPECT_NE(header.description.prompt.find("\xc3\xa9"), std::string::npos);
  EXPECT_FALSE(EncodeLatentHeader(StoredType::kF16, {1, 4}, 9, {}).ok());
  EXPECT_FALSE(EncodeLatentHeader(StoredType::kF64, {1}, 8, {}).ok());
}

TEST(EncodeLatent8, ErrorIsHalfAStepOfEachChannel) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const int channels = 4, plane = 35;
  std::vector<float> values(channels * plane);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = normal(random) * static_cast<float>(i / plane + 1);
  LatentView view{.data = values.data(),
                  .size = values.size() * 4,
                  .dtype = DType::kF32,
                  .channels = channels,
                  .extent = {5, 7}};
  StatusOr<std::string> bytes = EncodeLatent8(view, {{"step", "9"}});
  ASSERT_TRUE(bytes.ok());
  StatusOr<std::vector<LatentMessage>> read = ReadAll(*bytes, 1);
  ASSERT_TRUE(read.ok()) << read.status().message();
  const LatentMessage& message = (*read)[0];
  EXPECT_EQ(message.header.dtype, DType::kF16);
  EXPECT_EQ(message.header.description.step, 9);
  std::vector<float> back(values.size());
  LoadFloats(DType::kF16, message.payload.data(), back.size(), back.data());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(back[i], values[i],
                message.header.scale[i / plane] * 0.51f + 0.01f);
}

struct LayoutCase {
  LatentLayout layout;
  std::vector<int64_t> dims;
};

TEST(EncodeLatentHeader, EveryLayoutIsReadBackAsItWas) {
  for (const LayoutCase& c :
       std::vector<LayoutCase>{{LatentLayout::kNchw, {1, 8, 4, 6}},
                               {LatentLayout::kNhwc, {1, 4, 6, 8}},
                               {LatentLayout::kPacked, {1, 6, 32}},
                               {LatentLayout::kPackedNchw, {1, 32, 2, 3}},
                               {LatentLayout::kPackedIdeogram4, {1, 6, 32}}}) {
    std::vector<float> values(8 * 4 * 6);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(i % 32);
    const LatentView view{.data = values.data(),
                          .size = values.size() * 4,
                          .dtype = DType::kF32,
                          .layout = c.layout,
                          .domain = LatentDomain::kVae,
                          .channels = 8,
                          .extent = {4, 6}};
    StatusOr<std::string> bytes = EncodeLatentHeader(view, {});
    ASSERT_TRUE(bytes.ok());
    bytes->append(reinterpret_cast<const char*>(values.data()), view.size);
    StatusOr<std::string> small = EncodeLatent8(view, {});
    ASSERT_TRUE(small.ok());
    StatusOr<std::vector<LatentMessage>> read = ReadAll(*bytes + *small, 64);
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ((*read)[0].header.dims, c.dims);
    EXPECT_EQ(std::memcmp((*read)[0].payload.data(), values.data(), view.size),
              0);
    for (const LatentMessage& message : *read) {
      const StatusOr<LatentView> back = message.View();
      ASSERT_TRUE(back.ok()) << back.status().message();
      EXPECT_EQ(back->layout, view.layout);
      EXPECT_EQ(back->domain, view.domain);
      EXPECT_EQ(back->channels, view.channels);
      EXPECT_EQ(back->extent, view.extent);
    }
    const std::vector<uint8_t>& payload = (*read)[1].payload;
    std::vector<float> decoded(values.size());
    LoadFloats(DType::kF16, payload.data(), decoded.size(), decoded.data());
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(decoded[i], values[i], 0.09f) << i;
  }
}

TEST(EncodeLatent8, ABatchIsReadBackAsItWas) {
  for (const LatentLayout layout : {LatentLayout::kNchw, LatentLayout::kNhwc}) {
    constexpr int kChannels = 4, kPlane = 6, kBatch = 3;
    std::vector<float> values(kBatch * kChannels * kPlane);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(i);
    const LatentView view{.data = values.data(),
                          .size = kChannels * kPlane * 4,
                          .dtype = DType::kF32,
                          .layout = layout,
                          .channels = kChannels,
                          .extent = {2, 3}};
    StatusOr<std::string> bytes = EncodeLatentHeader(view, {}, kBatch);
    ASSERT_TRUE(bytes.ok()) << bytes.status().message();
    bytes->append(reinterpret_cast<const char*>(values.data()),
                  values.size() * 4);
    StatusOr<std::string> small = EncodeLatent8(view, {}, kBatch);
    ASSERT_TRUE(small.ok());
    StatusOr<std::vector<LatentMessage>> read = ReadAll(*bytes + *small, 64);
    ASSERT_TRUE(read.ok()) << read.status().message();
    ASSERT_EQ(read->size(), 2u);
    for (const LatentMessage& message : *read) {
      ASSERT_EQ(BatchOf(message.header), kBatch);
      for (int n = 0; n < kBatch; ++n) {
        const auto back = message.View(n);
        ASSERT_TRUE(back.ok()) << back.status().message();
        std::vector<float> decoded(kChannels * kPlane);
        LoadFloats(back->dtype, back->data, decoded.size(), decoded.data());
        for (size_t i = 0; i < decoded.size(); ++i)
          EXPECT_NEAR(decoded[i], values[n * decoded.size() + i], 0.2f) << i;
      }
    }
  }
  EXPECT_FALSE(EncodeLatent8({}, {}, 0).ok());
}

TEST(EncodeLatent8, RefusesASizeThatIsNotTheShape) {
  const float value = 1;
  EXPECT_FALSE(EncodeLatent8({.data = &value,
                              .size = 4,
                              .dtype = DType::kF32,
                              .channels = 2,
                              .extent = {1, 1}},
                             {})
                   .ok());
  EXPECT_FALSE(EncodeLatent8({}, {}).ok());
}

TEST(EncodeLatent8, SurvivesConstantsAndNan) {
  std::vector<float> values = {2, 2, NAN, INFINITY};
  LatentView view{.data = values.data(),
                  .size = 16,
                  .dtype = DType::kF32,
                  .channels = 2,
                  .extent = {1, 2}};
  StatusOr<std::string> bytes = EncodeLatent8(view, {});
  ASSERT_TRUE(bytes.ok());
  StatusOr<std::vector<LatentMessage>> read = ReadAll(*bytes, 1000);
  ASSERT_TRUE(read.ok()) << read.status().message();
  float back[4];
  LoadFloats(DType::kF16, (*read)[0].payload.data(), 4, back);
  EXPECT_EQ(back[0], 2);
  for (float value : back) EXPECT_TRUE(std::isfinite(value));
}

TEST(LatentStreamReader, ConvertsFloat64AndOldComfyFiles) {
  const double doubles[4] = {0.5, -1, 2, 1e-3};
  std::string data(reinterpret_cast<const char*>(doubles), sizeof(doubles));
  StatusOr<std::vector<LatentMessage>> read =
      ReadAll(testing::Npy("{'descr': '<f8', 'fortran_order': False, 'shape': "
                           "(1, 4, 1, 1), }",
                           data),
              3);
  ASSERT_TRUE(read.ok()) << read.status().message();
  float back[4];
  std::memcpy(back, (*read)[0].payload.data(), 16);
  EXPECT_EQ(back[1], -1.0f);
  EXPECT_EQ(back[3], 1e-3f);

  const float one = 1;
  data.assign(reinterpret_cast<const char*>(&one), 4);
  const std::string json =
      R"({"latent_tensor":{"dtype":"F32","shape":[1,1,1,1],"data_offsets":[0,4]})";
  read = ReadAll(testing::Safetensors(json + "}", data), 3);
  ASSERT_TRUE(read.ok()) << read.status().message();
  std::memcpy(back, (*read)[0].payload.data(), 4);
  EXPECT_FLOAT_EQ(back[0], 1 / 0.18215f);
  EXPECT_EQ((*read)[0].View()->domain, LatentDomain::kVae);
  EXPECT_EQ((*read)[0].header.source, LatentSource::kComfyLatent);

  read = ReadAll(testing::Safetensors(
                     json + R"(,"latent_format_version_0":{"dtype":"F32",)"
                            R"("shape":[0],"data_offsets":[4,4]}})",
                     data),
                 3);
  ASSERT_TRUE(read.ok()) << read.status().message();
  std::memcpy(back, (*read)[0].payload.data(), 4);
  EXPECT_EQ(back[0], 1);
}

}  // namespace
}  // namespace tae
