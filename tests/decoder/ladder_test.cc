// The ladder: which rungs there are, what they cost, which are worth a step.
#include "tae/ladder.h"

#include <gtest/gtest.h>

#include <cstring>

#include "support/seeded_model.h"
#include "support/shared_data.h"

namespace tae {
namespace {

LadderModels Flux2WithoutFile() {
  return {.linear = *LinearModel("flux2"),
          .builtin = *BuiltinModel("flux2"),
          .full = {}};
}

std::vector<std::string> Names(const std::vector<LadderRung>& ladder) {
  std::vector<std::string> names;
  for (const LadderRung& rung : ladder)
    names.emplace_back(QualityName(rung.quality));
  return names;
}

using Strings = std::vector<std::string>;

TEST(LadderTest, NamesGoBothWays) {
  for (int i = 0; i <= static_cast<int>(Quality::kFull); ++i) {
    const auto quality = static_cast<Quality>(i);
    EXPECT_EQ(FindQuality(QualityName(quality)), quality);
  }
  EXPECT_FALSE(FindQuality("stage4"));
}

TEST(LadderTest, WithoutAFileThereAreTwoRungsOfEverySize) {
  for (const int scale : {1, 2, 4, 8}) {
    const auto ladder = GetLadder(Flux2WithoutFile(), scale);
    EXPECT_EQ(Names(ladder), (Strings{"linear", "builtin"})) << scale;
    EXPECT_LT(ladder[0].share, ladder[1].share);
    EXPECT_LT(ladder[1].share, 1.0 / 30);
    for (const LadderRung& rung : ladder)
      EXPECT_EQ(rung.downscale * rung.shrink, scale);
    EXPECT_EQ(ladder[0].shrink, 1);
    EXPECT_EQ(ladder[1].shrink, scale == 8 ? 2 : 1);
    EXPECT_EQ(Names(WorthClimbing(ladder)), (Strings{"linear", "builtin"}));
  }
  EXPECT_TRUE(GetLadder(Flux2WithoutFile(), 3).empty());
  EXPECT_TRUE(GetLadder(Flux2WithoutFile(), 0).empty());
}

TEST(LadderTest, ADecoderWithoutExitsIsShrunk) {
  const LadderModels models{
      .linear = *LinearModel("sd"),
      .builtin = {},
      .full = testing::SeededModel(TaesdSpec(4, false), "sd")};
  const auto ladder = GetLadder(models, 4);
  ASSERT_EQ(Names(ladder), (Strings{"linear", "full"}));
  EXPECT_EQ(ladder[1].shrink, 4);
  EXPECT_EQ(ladder[1].share, 1);
  EXPECT_EQ(Names(WorthClimbing(ladder)), (Strings{"linear", "full"}));
}

TEST(LadderTest, ARungIsFoundByNameOrASentenceSaysWhatThereIs) {
  const auto ladder = GetLadder(Flux2WithoutFile(), 1);
  EXPECT_EQ(FindRung(ladder, Quality::kLinear)->quality, Quality::kLinear);
  // The best whole decoder.
  EXPECT_EQ(FindRung(ladder, Quality::kFull)->quality, Quality::kBuiltin);
  const auto missing = FindRung(ladder, Quality::kStage2);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().message(),
            "there is no rung 'stage2' here, only linear, builtin");
}

TEST(LadderTest, PublishedWeightsHaveAllRungs) {
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  LadderModels models = Flux2WithoutFile();
  models.full = *LoadModel(path, {});
  auto ladder = GetLadder(models, 1);
  EXPECT_EQ(ladder.size(), 6u);
  EXPECT_EQ(ladder.back().quality, Quality::kFull);
  EXPECT_EQ(ladder.back().share, 1);
  const auto climb = WorthClimbing(ladder);
  EXPECT_EQ(climb.back().quality, Quality::kFull);
  for (size_t i = 1; i < climb.size(); ++i)
    EXPECT_GT(climb[i].share, climb[i - 1].share);
  // A smaller picture is not the full one shrunk.
  for (const int scale : {2, 4, 8}) {
    ladder = GetLadder(models, scale);
    EXPECT_EQ(ladder.size(), 6u);
    EXPECT_LT(WorthClimbing(ladder).back().share, 0.5) << scale;
    EXPECT_EQ(FindRung(ladder, Quality::kFull)->shrink, scale);
  }
}

FrameView View(std::vector<uint8_t>& bytes, int width, int height,
               PixelFormat format, int pixel_bytes) {
  FrameView view{.format = format, .width = width, .height = height};
  view.plane[0] = bytes.data();
  view.stride[0] = width * pixel_bytes + 4;
  bytes.resize(size_t(view.stride[0]) * height);
  view.plane[0] = bytes.data();
  return view;
}

TEST(ShrinkFrameTest, MeansAreRoundedToTheNearest) {
  std::vector<uint8_t> big, small;
  const FrameView from = View(big, 4, 2, PixelFormat::kRgb, 3);
  const FrameView to = View(small, 2, 1, PixelFormat::kRgb, 3);
  for (size_t i = 0; i < big.size(); ++i) big[i] = uint8_t(i * i);
  ASSERT_TRUE(ShrinkFrame(from, to, nullptr).ok());
  for (int x = 0; x < 2; ++x)
    for (int c = 0; c < 3; ++c) {
      const uint8_t* p = big.data() + x * 6 + c;
      const ptrdiff_t stride = from.stride[0];
      const int sum = p[0] + p[3] + p[stride] + p[stride + 3];
      EXPECT_EQ(small[x * 3 + c], (sum + 2) / 4);
    }
}

TEST(ShrinkFrameTest, SixteenBitsAndThreadsAndTheWholeFactor) {
  std::vector<uint8_t> big, small;
  const FrameView from = View(big, 16, 24, PixelFormat::kRgba64Le, 8);
  const FrameView to = View(small, 2, 3, PixelFormat::kRgba64Le, 8);
  std::memset(big.data(), 0xff, big.size());
  ASSERT_TRUE(ShrinkFrame(from, to, MakeThreadPool({.threads = 3}).get()).ok());
  for (int y = 0; y < 3; ++y)
    for (int i = 0; i < 16; ++i)
      EXPECT_EQ(small[y * to.stride[0] + i], 0xff) << y << ' ' << i;
}

TEST(ShrinkFrameTest, WhatDoesNotFitIsRefused) {
  std::vector<uint8_t> big, small;
  const FrameView from = View(big, 8, 8, PixelFormat::kRgb, 3);
  for (const Extent size : {Extent{4, 3}, Extent{2, 4}, Extent{16, 16}}) {
    const FrameView to =
        View(small, size.width, size.height, PixelFormat::kRgb, 3);
    EXPECT_EQ(ShrinkFrame(from, to, nullptr).code(),
              StatusCode::kInvalidArgument);
  }
  const FrameView yuv = View(small, 4, 4, PixelFormat::kYuy2, 2);
  EXPECT_EQ(ShrinkFrame(yuv, yuv, nullptr).code(), StatusCode::kUnsupported);
}

}  // namespace
}  // namespace tae
