// Headers that are hostile, headers of other things, and what a shape with its
// metadata means.
#include <gtest/gtest.h>

#include "io/safetensors_json.h"
#include "support/latent_bytes.h"
#include "tae/latent_stream.h"

namespace tae {
namespace {

StatusOr<std::optional<LatentHeader>> Read(const std::string& bytes) {
  uint64_t needed = 0;
  return ReadLatentHeader(bytes.data(), bytes.size(), {}, &needed);
}

struct Refusal {
  std::string json;
  const char* says;
};

TEST(ReadLatentHeader, RefusesHostileHeadersByName) {
  const std::string ok = R"("latent":{"dtype":"F16","shape":[2],)";
  const Refusal cases[] = {
      {"{" + ok + R"("data_offsets":[0,5]}})", "ask for 4 bytes"},
      {"{" + ok + R"("data_offsets":[4,0]}})", "backwards"},
      {"{" + ok + R"("data_offsets":[-4,0]}})", "negative number -4"},
      {"{" + ok + R"("data_offsets":[0]}})", "must be two numbers"},
      {"{" + ok + R"("data_offsets":[0,4,8]}})", "must be two numbers"},
      {"{" + ok + R"("data_offsets":[2,6]}})", "a hole"},
      {"{" + ok + R"("data_offsets":[0,4.0]}})", "the number 4.0"},
      {"{" + ok + R"("data_offsets":[0,99999999999999999999]}})", "number"},
      {"{" + ok + R"("data_offsets":[18446744073709551614,4]}})", "number"},
      {"{" + ok + R"("data_offsets":[0,4]},)" + ok +
           R"("data_offsets":[4,8]}})",
       "'latent' appears twice"},
      {"{" + ok + R"("shape":[2],"data_offsets":[0,4]}})", "'shape' appears"},
      {"{" + ok + R"("x":[2],"data_offsets":[0,4]}})", "unknown field 'x'"},
      {"{" + ok.substr(0, ok.size() - 1) + "}}", "needs dtype"},
      {"{" + ok + R"("data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],)" +
           R"("data_offsets":[3,4]}})",
       "an overlap"},
      {R"({"a":{"dtype":"F16","shape":[4294967296,4294967296,4294967296],)"
       R"("data_offsets":[0,0]}})",
       "overflows"},
      {R"({"a":{"dtype":"F7","shape":[1],"data_offsets":[0,1]}})",
       "is F7, expected F16"},
      {R"({"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})",
       "expected F16"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       "expected F16"},
      {R"({"__metadata__":{"step":3}})", "expected a string"},
      {R"({"__metadata__":{"a":"1","a":"2"}})", "'a' appears twice"},
      {R"({"__metadata__":{"a":{"b":"c"}}})", "is an object"},
      {R"({"a":[1]})", "a list"},
      {R"({"a":null})", "a null"},
      {R"({"a":)", "not valid JSON"},
      {R"({"__metadata__":{}})", "no tensor at all"},
      {"{} x", "not valid JSON"},
      {"{" + ok + "\"data_offsets\":[0,4]},\"\xff\":3}", "not valid JSON"},
      {R"({"a":{"dtype":"F16","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],)"
       R"("data_offsets":[0,2]}})",
       "more than 16"},
  };
  for (const Refusal& refusal : cases) {
    StatusOr<std::optional<LatentHeader>> header =
        Read(testing::Safetensors(refusal.json, ""));
    ASSERT_FALSE(header.ok()) << refusal.json;
    EXPECT_NE(header.status().message().find(refusal.says), std::string::npos)
        << refusal.json << "\n  " << header.status().message();
  }
}

TEST(ReadLatentHeader, DeepNestingIsRefusedNotFollowed) {
  const std::string deep = "{\"a\":" + std::string(500000, '[');
  EXPECT_FALSE(Read(testing::Safetensors(deep, "")).ok());
}

TEST(ReadLatentHeader, SaysWhatAForeignThingIs) {
  const Refusal cases[] = {
      {"PK\x03\x04 0123456789", ".pth"},
      {"HTTP/1.1 200 OK\r\n", "HTTP answer"},
      {"GET / HTTP/1.1\r\n", "HTTP request"},
      {"{\"latent\": 3, 4, 5}", "8 bytes of length"},
      {"\x89PNG\r\n\x1a\n0123456", "PNG"},
      {"some text that is long", "found text: 'some text "},
      {"abcdefgh{\"dtype\":1}", "found text: 'abcdefgh{"},
      {std::string("\1\2\3 more bytes"), "found the bytes 01 02 03"},
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"<!DOCTYPE html>\n<html>", "a web page"},
      {std::string("OggS\0\2 and more", 15), "Ogg"},
      {std::string(20, '\0'), "found the bytes 00 00"},
  };
  for (const Refusal& refusal : cases) {
    StatusOr<std::optional<LatentHeader>> header = Read(refusal.json);
    ASSERT_FALSE(header.ok());
    EXPECT_EQ(header.status().code(), StatusCode::kUnsupported);
    EXPECT_NE(header.status().message().find(refusal.says), std::string::npos)
        << header.status().message();
  }
  const std::string huge =
      testing::LittleEndian(uint64_t{1} << 62, 8) + "{\"aaaaaaa";
  EXPECT_EQ(Read(huge).status().code(), StatusCode::kInvalidArgument);
}

TEST(ReadLatentHeader, WeightsAreCalledWeights) {
  StatusOr<std::optional<LatentHeader>> header = Read(testing::Safetensors(
      R"({"1.weight":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
      R"("1.bias":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
      ""));
  ASSERT_FALSE(header.ok());
  EXPECT_NE(header.status().message().find("these are weights (2 tensors"),
            std::string::npos)
      << header.status().message();
}

TEST(ReadLatentHeader, PrefersTheEstimateToTheNoise) {
  StatusOr<std::optional<LatentHeader>> header = Read(testing::Safetensors(
      R"({"__metadata__":{"pred":"x"},)"
      R"("latent":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
      R"("x0":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
      ""));
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ((**header).tensor, "x0");
  EXPECT_EQ((**header).description.pred, "x0");
}

TEST(ReadLatentHeader, RefusesHostileNpy) {
  const Refusal cases[] = {
      {"{'descr': '<f2', 'fortran_order': True, 'shape': (1,)}", "Fortran"},
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "'>f4'"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (8, 8, 3)}",
       "that of a picture"},
      {"{'descr': '<i2', 'fortran_order': False, 'shape': (48000,)}",
       "that of sound"},
      {"{'descr': '<f2', 'fortran_order': False, 'shape': (-1,)}", "sizes"},
      {"{'descr': '<f2', 'fortran_order': False}", "are needed"},
      {"{'descr': '<f2', 'descr': '<f2', 'shape': (1,)}", "twice"},
      {"{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': ()}",
       "records"},
      {"{'descr': '<f2', 'fortran_order': False, 'shape': "
       "(4294967296, 4294967296)}",
       "overflows"},
      {"{'descr': '<f2', 'fortran_order': False, 'shape': (1,)} x", "follows"},
      {"{'descr", "not a dictionary"},
      {"", "begin with"},
  };
  for (const Refusal& refusal : cases) {
    StatusOr<std::optional<LatentHeader>> header =
        Read(testing::Npy(refusal.json, ""));
    ASSERT_FALSE(header.ok()) << refusal.json;
    EXPECT_NE(header.status().message().find(refusal.says), std::string::npos)
        << header.status().message();
  }
}

TEST(DescribeLatent, ReadsNumbersWithoutLocaleAndKeepsWhatItCannotRead) {
  LatentDescription said = DescribeLatent({{"space", "FLUX2"},
                                           {"sigma", "0.25"},
                                           {"step", "many"},
                                           {"width", "-8"},
                                           {"seed", "18446744073709551615"},
                                           {"final", "True"}});
  EXPECT_EQ(said.space, "flux2");
  EXPECT_EQ(said.sigma, 0.25);
  EXPECT_FALSE(said.step.has_value());
  EXPECT_FALSE(said.width.has_value());
  EXPECT_EQ(said.seed, UINT64_MAX);
  EXPECT_EQ(said.final, true);
  EXPECT_EQ(said.notes.size(), 2u);
}

// Of a message of halves whose picture has so many pixels.
LatentHeader HeaderOf(const std::vector<int64_t>& dims,
                      const std::string& layout, int width, int height) {
  LatentHeader header;
  header.dims = dims;
  header.payload_size = 2;
  for (int64_t dim : dims) header.payload_size *= static_cast<uint64_t>(dim);
  header.description.layout = layout;
  header.description.width = width;
  header.description.height = height;
  return header;
}

struct ShapeCase {
  std::vector<int64_t> dims;
  const char* layout;
  LatentLayout expected;
  int channels, height, width;
};

TEST(AsLatentView, ResolvesEveryShape) {
  const ShapeCase cases[] = {
      {{1, 32, 64, 48}, "", LatentLayout::kNchw, 32, 64, 48},
      {{32, 64, 48}, "", LatentLayout::kNchw, 32, 64, 48},
      {{3, 4, 64, 48}, "", LatentLayout::kNchw, 4, 64, 48},
      {{16, 1, 64, 48}, "", LatentLayout::kNchw, 16, 64, 48},
      {{1, 16, 1, 64, 48}, "", LatentLayout::kNchw, 16, 64, 48},
      {{1, 64, 48, 16}, "nhwc", LatentLayout::kNhwc, 16, 64, 48},
      {{1, 66, 50, 16}, "", LatentLayout::kNhwc, 16, 66, 50},
      {{1, 128, 32, 24}, "", LatentLayout::kPackedNchw, 32, 64, 48},
      {{1, 768, 64}, "packed", LatentLayout::kPacked, 16, 64, 48},
      {{1, 768, 128}, "", LatentLayout::kPacked, 32, 64, 48},
      {{768, 64}, "", LatentLayout::kPacked, 16, 64, 48},
      {{1, 768, 128}, "ideogram4", LatentLayout::kPackedIdeogram4, 32, 64, 48},
  };
  for (const ShapeCase& c : cases) {
    const LatentHeader header = HeaderOf(c.dims, c.layout, 384, 512);
    StatusOr<LatentView> view = AsLatentView(header, nullptr);
    ASSERT_TRUE(view.ok()) << view.status().message();
    EXPECT_EQ(view->layout, c.expected);
    EXPECT_EQ(view->channels, c.channels);
    EXPECT_EQ(view->extent, (Extent{c.height, c.width}));
    EXPECT_EQ(view->size, 2u * c.channels * c.height * c.width);
  }
}

LatentHeader ComfyHeader(std::vector<int64_t> dims, const char* space) {
  LatentHeader header;
  header.source = LatentSource::kComfyLatent;
  header.dims = std::move(dims);
  header.payload_size = 4;
  for (const int64_t dim : header.dims)
    header.payload_size *= static_cast<uint64_t>(dim);
  header.description.space = space;
  return header;
}

// What ComfyUI saves went through process_out, which some spaces leave as it
// is.
TEST(AsLatentView, ComfyUisDomainIsThatOfTheSpace) {
  struct Case {
    std::vector<int64_t> dims;
    const char* space;
    LatentDomain domain;
  };
  const Case cases[] = {
      {{1, 128, 8, 8}, "", LatentDomain::kSampler},  // FLUX.2
      {{1, 128, 8, 8}, "FLUX.2-dev", LatentDomain::kSampler},
      {{1, 128, 1, 8, 8}, "", LatentDomain::kSampler},  // LTX
      {{1, 128, 1, 8, 8}, "LTXV", LatentDomain::kSampler},
      {{1, 24, 1, 8, 8}, "", LatentDomain::kSampler},  // MiniMax H3
      {{1, 3, 8, 8}, "chroma-radiance", LatentDomain::kSampler},
      {{1, 4, 8, 8}, "", LatentDomain::kVae},
      {{1, 4, 8, 8}, "SDXL", LatentDomain::kVae},
      {{1, 16, 8, 8}, "", LatentDomain::kVae},
      {{1, 16, 8, 8}, "sd3.5", LatentDomain::kVae},
      {{1, 16, 1, 8, 8}, "Wan21", LatentDomain::kVae},
      {{1, 48, 1, 8, 8}, "", LatentDomain::kVae},
      {{1, 32, 1, 8, 8}, "", LatentDomain::kVae},  // HunyuanVideo 1.5
      {{1, 64, 8, 8}, "hunyuan-image", LatentDomain::kVae},
  };
  for (const Case& c : cases) {
    LatentHeader header = ComfyHeader(c.dims, c.space);
    auto view = AsLatentView(header, nullptr);
    ASSERT_TRUE(view.ok()) << view.status().message();
    EXPECT_EQ(view->domain, c.domain) << ToString(header);
    // What is said counts, in either direction.
    for (const auto& [said, domain] :
         {std::pair("vae", LatentDomain::kVae),
          std::pair("sampler", LatentDomain::kSampler)}) {
      header.description.domain = said;
      EXPECT_EQ(AsLatentView(header, nullptr)->domain, domain);
    }
  }
}

TEST(ReadLatentHeader, ACacheOfMusubiTunerIsAClip) {
  StatusOr<std::optional<LatentHeader>> header = Read(testing::Safetensors(
      R"({"__metadata__":{"architecture":"wan"},"latents_4x2x3_float16":)"
      R"({"dtype":"F16","shape":[16,4,2,3],"data_offsets":[0,768]}})",
      ""));
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ((**header).description.space, "wan21");
  EXPECT_EQ((**header).dims, (std::vector<int64_t>{1, 16, 4, 2, 3}));
  const auto view = AsLatentView(**header, nullptr);
  ASSERT_FALSE(view.ok());
  EXPECT_NE(view.status().message().find("a clip of 4 frames"),
            std::string::npos);
}

TEST(ReadLatentHeader, ALoraIsCalledALora) {
  const auto header = Read(testing::Safetensors(
      R"({"lora_unet_x.lora_down.weight":{"dtype":"F16","shape":[1],)"
      R"("data_offsets":[0,2]}})",
      ""));
  ASSERT_FALSE(header.ok());
  EXPECT_NE(header.status().message().find("of a LoRA"), std::string::npos)
      << header.status().message();
}

struct BatchCase {
  std::vector<int64_t> dims;
  const char* layout;
  int batch;
};

TEST(AsLatentView, GivesEachOfABatch) {
  const BatchCase cases[] = {
      {{4, 16, 8, 6}, "", 4},
      {{3, 16, 1, 8, 6}, "", 3},
      {{2, 8, 6, 16}, "nhwc", 2},
      {{5, 12, 64}, "packed", 5},
      {{2, 64, 4, 3}, "packed-nchw", 2},
      {{16, 8, 6}, "", 1},
      {{16, 1, 8, 6}, "", 1},
      {{12, 64}, "packed", 1},
      {{1, 16, 8, 6}, "", 1},
  };
  for (const BatchCase& c : cases) {
    const LatentHeader header = HeaderOf(c.dims, c.layout, 48, 64);
    const std::vector<uint8_t> payload(header.payload_size);
    ASSERT_EQ(BatchOf(header), c.batch) << ToString(header);
    const uint64_t each = header.payload_size / static_cast<uint64_t>(c.batch);
    for (int i = 0; i < c.batch; ++i) {
      const auto view = AsLatentView(header, payload.data(), i);
      ASSERT_TRUE(view.ok()) << view.status().message();
      EXPECT_EQ(view->data, payload.data() + each * static_cast<uint64_t>(i));
      EXPECT_EQ(view->size, each);
    }
    EXPECT_FALSE(AsLatentView(header, payload.data(), c.batch).ok());
    EXPECT_FALSE(AsLatentView(header, payload.data(), -1).ok());
  }
}

TEST(BatchOf, WhatIsNoLatentIsNoBatch) {
  LatentHeader header;
  header.dims = {7, 16, 9, 8, 8};  // clips
  EXPECT_EQ(BatchOf(header), 1);
  header.dims = {7, 768, 64};  // tokens without width and height
  EXPECT_EQ(BatchOf(header), 1);
  header.dims = {INT64_MAX, 16, 8, 8};
  EXPECT_EQ(BatchOf(header), INT32_MAX);
}

TEST(AsLatentView, RefusesWithASentence) {
  LatentHeader header;
  header.payload_size = 1000;
  const auto refused = [&](std::vector<int64_t> dims, const char* says) {
    header.dims = std::move(dims);
    StatusOr<LatentView> view = AsLatentView(header, nullptr);
    ASSERT_FALSE(view.ok());
    EXPECT_NE(view.status().message().find(says), std::string::npos)
        << view.status().message();
  };
  refused({1, 768, 64}, "add the metadata width and height");
  refused({1, 16, 9, 8, 8}, "a clip of 9 frames");
  refused({5}, "one row of numbers");
  refused({2, 4800}, "looks like sound");
  refused({8, 768}, "looks like an embedding");
  refused({1, 64, 100}, "a latent of sound");
  refused({64, 64, 3}, "looks like a picture");
  refused({1, 16, 0, 8}, "a side of 0");
  refused({0, 16, 8, 8}, "holds no complete");
  header.description.width = 512;
  header.description.height = 512;
  refused({1, 768, 64}, "768 tokens does not fit 512x512");
  header.description.layout = "zigzag";
  refused({1, 16, 8, 8}, "unknown layout 'zigzag'");
  header.description.layout = "";
  header.description.domain = "pixel";
  refused({1, 16, 8, 8}, "unknown domain 'pixel'");
}

}  // namespace
}  // namespace tae
