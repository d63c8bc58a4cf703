// The facade: what it refuses, what it keeps, what it shares.
#include "tae/decoder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "support/instrumented.h"
#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::SeededFlux2;
using testing::SeededLatent;

constexpr PlanKey kKey{.latent = {2, 4}, .format = PixelFormat::kRgbPlanarF32};

TEST(DecoderTest, RefusesWhatDoesNotFitThePlan) {
  Decoder decoder(SeededFlux2(), {});
  SeededLatent latent(32, {2, 4});
  FloatFrame frame(32, 16);
  EXPECT_EQ(decoder.Decode(latent.view, frame.view, nullptr).code(),
            StatusCode::kInvalidArgument);  // not prepared
  ASSERT_TRUE(decoder.Prepare(kKey).ok());
  EXPECT_TRUE(decoder.Decode(latent.view, frame.view, nullptr).ok());
  const auto refused = [&](auto change) {
    LatentView l = latent.view;
    FrameView f = frame.view;
    change(l, f);
    const Status status = decoder.Decode(l, f, nullptr);
    return !status.ok() && !status.message().empty();
  };
  EXPECT_TRUE(refused([](LatentView& l, FrameView&) { l.size -= 4; }));
  EXPECT_TRUE(refused([](LatentView& l, FrameView&) { l.channels = 16; }));
  EXPECT_TRUE(refused([](LatentView& l, FrameView&) { l.extent.width = 5; }));
  EXPECT_TRUE(refused([](LatentView& l, FrameView&) { l.data = nullptr; }));
  EXPECT_TRUE(
      refused([](LatentView& l, FrameView&) { l.dtype = DType::kF16; }));
  EXPECT_TRUE(refused([](LatentView&, FrameView& f) { f.width = 33; }));
  EXPECT_TRUE(
      refused([](LatentView&, FrameView& f) { f.format = PixelFormat::kRgb; }));
  EXPECT_TRUE(refused([](LatentView&, FrameView& f) { f.plane[2] = nullptr; }));
}

// A frame of any format, with room for each plane.
struct AnyFrame {
  AnyFrame(PixelFormat format, int width, int height)
      : bytes(size_t(4) * 8 * width * height) {
    view.format = format, view.width = width, view.height = height;
    for (int i = 0; i < 4; ++i) {
      view.plane[i] = bytes.data() + bytes.size() / 4 * i;
      view.stride[i] = 8 * width;
    }
  }
  std::vector<uint8_t> bytes;
  FrameView view;
};

TEST(DecoderTest, EveryPlaneOfEveryFormatMustBeThere) {
  const auto planes_of = [](PixelFormat format) {
    for (const PixelFormat one :
         {PixelFormat::kGbr, PixelFormat::kRgbp, PixelFormat::kI420,
          PixelFormat::kYv12, PixelFormat::kRgbPlanarF32}) {
      if (format == one) return 3;
    }
    return format == PixelFormat::kNv12 ? 2 : 1;
  };
  for (int i = 0; i <= int(PixelFormat::kRgbPlanarF32); ++i) {
    const auto format = PixelFormat(i);
    const int planes = planes_of(format);
    Decoder decoder(SeededFlux2(), {});
    ASSERT_TRUE(decoder.Prepare({.latent = {2, 4}, .format = format}).ok());
    const SeededLatent latent(32, {2, 4});
    for (int missing = 0; missing < 4; ++missing) {
      AnyFrame frame(format, 32, 16);
      frame.view.plane[missing] = nullptr;
      const Status status = decoder.Decode(latent.view, frame.view, nullptr);
      EXPECT_EQ(status.ok(), missing >= planes) << i << missing;
      if (missing < planes) {
        EXPECT_EQ(status.message(), "plane " + std::to_string(missing) +
                                        " of the frame has no data");
      }
    }
  }
}

size_t AddressSpace() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * size_t(sysconf(_SC_PAGESIZE));
}

// Plans of sizes that came before are kept for when they come again, but not
// with all the memory that they take.
TEST(DecoderTest, PlansThatAreNotInUseKeepLittleMemory) {
  if (testing::kInstrumented) return;  // their allocators keep what is freed
  Decoder decoder(SeededFlux2(), {.backend = Backend::kReference});
  ASSERT_TRUE(decoder.Prepare(kKey).ok());  // the weights
  const size_t before = AddressSpace();
  size_t all = 0;
  for (int side : {96, 98, 100, 102}) {
    ASSERT_TRUE(decoder.Prepare({.latent = {side, side}}).ok());
    all += decoder.stats().arena_bytes;
  }
  const size_t bound =
      decoder.stats().arena_bytes + (size_t{128} << 20) + (size_t{32} << 20);
  ASSERT_GT(all, bound + (size_t{64} << 20)) << "too small to tell";
  EXPECT_LT(AddressSpace() - before, bound);
}

TEST(DecoderTest, PackedLatentsOfOddSizeAreRefused) {
  Decoder decoder(SeededFlux2(), {});
  ASSERT_TRUE(
      decoder.Prepare({.latent = {3, 4}, .format = PixelFormat::kRgbPlanarF32})
          .ok());
  SeededLatent latent(32, {3, 4});
  FloatFrame frame(32, 24);
  latent.view.layout = LatentLayout::kPacked;
  EXPECT_EQ(decoder.Decode(latent.view, frame.view, nullptr).code(),
            StatusCode::kInvalidArgument);
}

TEST(DecoderTest, NonfiniteScalarsAreZeroAndCounted) {
  Decoder decoder(SeededFlux2(), {});
  ASSERT_TRUE(decoder.Prepare(kKey).ok());
  SeededLatent broken(32, {2, 4});
  broken.values[3] = NAN;
  broken.values[40] = INFINITY;
  broken.values[100] = -INFINITY;
  SeededLatent zeroed(32, {2, 4});
  for (int i : {3, 40, 100}) zeroed.values[i] = 0;
  FloatFrame a(32, 16), b(32, 16);
  DecodeReport report;
  ASSERT_TRUE(decoder.Decode(broken.view, a.view, &report).ok());
  EXPECT_EQ(report.nonfinite, 3);
  ASSERT_TRUE(decoder.Decode(zeroed.view, b.view, &report).ok());
  EXPECT_EQ(report.nonfinite, 0);
  EXPECT_EQ(a.values, b.values);
}

TEST(DecoderTest, ResolutionsShareOneCopyOfTheWeights) {
  const auto model = SeededFlux2();
  Decoder first(model, {});
  ASSERT_TRUE(first.Prepare(kKey).ok());
  const size_t weights = first.stats().weights_bytes;
  EXPECT_GT(weights, 0u);
  Decoder second(model, {});
  for (int side : {1, 5, 8, 16}) {
    ASSERT_TRUE(second.Prepare({.latent = {side, side}}).ok());
    EXPECT_EQ(second.stats().weights_bytes, weights);
  }
}

TEST(DecoderTest, InstructionSetsCanBePinned) {
  Decoder scalar(
      SeededFlux2(),
      {.backend = Backend::kNative, .parallel = nullptr, .cpu = "scalar"});
  ASSERT_TRUE(scalar.Prepare(kKey).ok());
  EXPECT_NE(scalar.DumpPlan().find("scalar"), std::string::npos);
  setenv("TAE_CPU", "scalar", 1);
  Decoder by_environment(
      SeededFlux2(),
      {.backend = Backend::kNative, .parallel = nullptr, .cpu = ""});
  const Status status = by_environment.Prepare(kKey);
  unsetenv("TAE_CPU");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(by_environment.DumpPlan(), scalar.DumpPlan());
  Decoder unknown(
      SeededFlux2(),
      {.backend = Backend::kNative, .parallel = nullptr, .cpu = "z80"});
  const Status refused = unknown.Prepare(kKey);
  EXPECT_EQ(refused.code(), StatusCode::kUnsupported);
  EXPECT_NE(refused.message().find("scalar"), std::string::npos);
}

TEST(DecoderTest, HugeLatentsAreRefusedNotAllocated) {
  Decoder decoder(SeededFlux2(), {});
  EXPECT_EQ(decoder.Prepare({.latent = {1 << 20, 1 << 20}}).code(),
            StatusCode::kInvalidArgument);
}

TEST(DecoderTest, LinearModelPaintsSquares) {
  const auto model = LinearModel("flux1");
  ASSERT_TRUE(model.ok()) << model.status().message();
  Decoder decoder(*model, {});
  ASSERT_TRUE(decoder.Prepare(kKey).ok());
  const SeededLatent latent(16, {2, 4});
  FloatFrame frame(32, 16);
  ASSERT_TRUE(decoder.Decode(latent.view, frame.view, nullptr).ok());
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 32; ++x)
      EXPECT_EQ(frame.values[y * 32 + x],
                frame.values[y / 8 * 8 * 32 + x / 8 * 8]);
  EXPECT_NE(frame.values[0], frame.values[8]);
}

}  // namespace
}  // namespace tae
