// Safetensors: what a right file gives, and every way of being wrong.
#include "io/safetensors.h"

#include <gtest/gtest.h>

#include "support/safetensors_writer.h"
#include "support/shared_data.h"
#include "support/temp_folder.h"

namespace tae {
namespace {

StatusOr<TensorFile> Parse(const std::vector<uint8_t>& bytes) {
  return ParseSafetensors("test.safetensors", bytes, nullptr);
}

// One tensor 'a' of four bytes with this JSON in place of its description.
Status WithTensor(const std::string& description, size_t data = 4) {
  return Parse(SafetensorsBytes("{\"a\":" + description + "}",
                                std::vector<uint8_t>(data)))
      .status();
}

std::vector<uint8_t> Sample() {
  return WriteSafetensors({{"b", "BF16", {2, 1}, {0x80, 0x3F, 0x00, 0xC0}},
                           {"a", "F32", {1}, {0, 0, 0x80, 0x3F}},
                           {"step", "I64", {}, {1, 0, 0, 0, 0, 0, 0, 0}},
                           {"none", "F16", {0, 7}, {}}},
                          "{\"variant\":\"flux2\"}");
}

TEST(Safetensors, GivesTensorsMetadataAndWhatItPassedOver) {
  const std::vector<uint8_t> bytes = Sample();
  const StatusOr<TensorFile> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors.size(), 3u);
  const TensorView* b = file->Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, DType::kBF16);
  EXPECT_EQ(b->dims, (std::vector<int64_t>{2, 1}));
  ASSERT_EQ(b->size, 4u);
  EXPECT_EQ(b->data[3], 0xC0);
  EXPECT_EQ(file->Find("a")->data[3], 0x3F);
  EXPECT_EQ(file->Find("none")->size, 0u);
  EXPECT_EQ(file->metadata.at("variant"), "flux2");
  EXPECT_EQ(file->skipped, (std::vector<std::string>{"step (I64)"}));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::vector<uint8_t> bytes = Sample();
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A buffer of its own, so that a sanitizer sees a read past the end.
    const std::vector<uint8_t> part(bytes.begin(), bytes.begin() + size);
    EXPECT_FALSE(Parse(part).ok()) << size;
  }
}

TEST(Safetensors, NoBitFlipCrashesOrMovesAViewOutside) {
  const std::vector<uint8_t> bytes = Sample();
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::vector<uint8_t> flipped = bytes;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    const StatusOr<TensorFile> file = Parse(flipped);
    if (!file.ok()) {
      EXPECT_FALSE(file.status().message().empty());
      continue;
    }
    for (const TensorView& tensor : file->tensors) {
      EXPECT_GE(tensor.data, flipped.data());
      EXPECT_LE(tensor.data + tensor.size, flipped.data() + flipped.size());
    }
  }
}

TEST(Safetensors, TrailingBytesAreRefused) {
  std::vector<uint8_t> bytes = Sample();
  bytes.push_back(0);
  EXPECT_EQ(Parse(bytes).status().code(), StatusCode::kDataLoss);
}

TEST(Safetensors, WrongDescriptionsAreRefused) {
  const char* good = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_TRUE(WithTensor(good).ok());
  for (
      const char* bad : {
          R"({"dtype":"F32","shape":[1],"data_offsets":[0,5]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[0]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})",
          R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})",
          R"({"dtype":"F16","shape":[1],"data_offsets":[0,4]})",
          R"({"dtype":7,"shape":[1],"data_offsets":[0,4]})",
          R"({"dtype":"F32","data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[1]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})",
          R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":{"a":1},"data_offsets":[0,4]})",
          R"([])",
          R"(null)",
          R"({"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551616]})",
          R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})",
      }) {
    EXPECT_FALSE(WithTensor(bad).ok()) << bad;
  }
}

// The format grows; the size of what is not known is taken as it is.
TEST(Safetensors, ADtypeThatIsNotKnownIsListed) {
  for (const char* dtype : {"Q4", "F4", "F6_E3M2", "C64", "F8_E8M0"}) {
    const bool known = std::string(dtype) == "C64";
    const std::string header =
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{)"
        R"("dtype":")" +
        std::string(dtype) + R"(","shape":[8],"data_offsets":[4,12]}})";
    const auto bytes = SafetensorsBytes(header, std::vector<uint8_t>(12));
    const StatusOr<TensorFile> file = Parse(bytes);
    if (known) {  // 8 of 8 bytes each do not fit 8
      EXPECT_EQ(file.status().code(), StatusCode::kDataLoss);
      continue;
    }
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->tensors.size(), 1u);
    EXPECT_EQ(file->skipped,
              (std::vector<std::string>{"b (" + std::string(dtype) + ")"}));
  }
}

TEST(Safetensors, OverlapsHolesAndDuplicatesAreNamed) {
  const auto two = [](const std::string& first, const std::string& second,
                      const std::string& name = "b") {
    const std::string header =
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
        R"(},")" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":)" +
        second + "}}";
    return Parse(SafetensorsBytes(header, std::vector<uint8_t>(8))).status();
  };
  EXPECT_TRUE(two("[0,4]", "[4,8]").ok());
  EXPECT_TRUE(two("[4,8]", "[0,4]").ok());
  EXPECT_FALSE(two("[0,4]", "[2,6]").ok());
  EXPECT_FALSE(two("[0,4]", "[0,4]").ok());
  EXPECT_FALSE(two("[0,4]", "[5,9]").ok());
  const Status duplicate = two("[0,4]", "[4,8]", "a");
  EXPECT_NE(duplicate.message().find("'a'"), std::string::npos);
  EXPECT_NE(duplicate.message().find("test.safetensors"), std::string::npos);
  EXPECT_FALSE(
      Parse(SafetensorsBytes(R"({"__metadata__":{"k":"1","k":"2"}})", {}))
          .ok());
  EXPECT_FALSE(Parse(SafetensorsBytes(R"({"__metadata__":{"k":1}})", {})).ok());
}

TEST(Safetensors, AHugeHeaderLengthCostsNothing) {
  std::vector<uint8_t> bytes(64, '{');
  for (const uint64_t length :
       {uint64_t{57}, uint64_t{1} << 31, UINT64_MAX, UINT64_MAX - 7}) {
    for (int i = 0; i < 8; ++i) {
      bytes[i] = static_cast<uint8_t>(length >> (8 * i));
    }
    EXPECT_EQ(Parse(bytes).status().code(), StatusCode::kDataLoss);
  }
}

TEST(Safetensors, DeepNestingIsRefused) {
  const std::string deep(1 << 20, '[');
  EXPECT_FALSE(Parse(SafetensorsBytes("{\"a\":" + deep, {})).ok());
}

TEST(Safetensors, ReadsAPublishedFile) {
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  const std::vector<uint8_t> bytes = ReadBytes(path);
  const StatusOr<TensorFile> file = Parse(bytes);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->tensors.size(), 79u);
}

}  // namespace
}  // namespace tae
