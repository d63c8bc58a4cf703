// progressoverlay and progresstext between a demo and what reads them.
#include <algorithm>

#include "progress/progress_bar.h"
#include "support/latent_run.h"

namespace tae_test {
namespace {

bool Exists(const char* element) {
  GstElementFactory* factory = gst_element_factory_find(element);
  if (factory != nullptr) gst_object_unref(factory);
  return factory != nullptr;
}

constexpr int kSide = 256;

std::string Demo(const std::string& rest) {
  return "latentsrc num-buffers=5 steps=4 width=256 height=256 ! taedecode "
         "method=linear ! video/x-raw,format=RGB ! " +
         rest + " ! appsink name=out";
}

const uint8_t* PixelAt(const Latent& frame, int x, int y) {
  return frame.bytes.data() + (size_t(y) * kSide + x) * 3;
}

// Pixels that differ, in rows [top, bottom).
int Changed(const Latent& a, const Latent& b, int top, int bottom) {
  int changed = 0;
  for (int y = top; y < bottom; ++y)
    for (int x = 0; x < kSide; ++x)
      changed +=
          !std::equal(PixelAt(a, x, y), PixelAt(a, x, y) + 3, PixelAt(b, x, y));
  return changed;
}

class Overlay : public testing::Test {
 protected:
  void SetUp() override {
    if (!Exists("textoverlay") || !Exists("overlaycomposition"))
      GTEST_SKIP() << "needs textoverlay and overlaycomposition";
  }
};

TEST_F(Overlay, TheBarGrowsAndTheRestOfThePictureStays) {
  const auto plain = Play(Demo("identity"));
  const auto drawn = Play(Demo("progressoverlay"));
  ASSERT_EQ(drawn.size(), 5u);
  const int bar = taegst::LayoutOf(kSide, kSide).bar;
  for (int i = 0; i < 4; ++i) {
    const int y = kSide - 1;
    const int filled = kSide * (i + 1) / 4;
    const uint8_t* done = PixelAt(drawn[i], filled - 2, y);
    EXPECT_GT(done[1], done[0] + 50) << i;  // green
    if (filled < kSide) {
      const uint8_t* left = PixelAt(drawn[i], filled + 2, y);
      const uint8_t* was = PixelAt(plain[i], filled + 2, y);
      EXPECT_LT(left[1], was[1] + 12) << i;
      EXPECT_LT(left[1], 130) << i;
    }
    EXPECT_GT(Changed(plain[i], drawn[i], kSide - 60, kSide - bar), 1000);
    EXPECT_EQ(Changed(plain[i], drawn[i], 0, kSide / 2), 0);
    EXPECT_EQ(drawn[i].step, plain[i].step);
    EXPECT_EQ(drawn[i].pts, plain[i].pts);
  }
  // Other words for another step.
  EXPECT_GT(Changed(drawn[0], drawn[1], kSide - 60, kSide - bar - 1), 100);
}

TEST_F(Overlay, WithoutWordsTheBarAlone) {
  const auto plain = Play(Demo("identity"));
  const auto drawn = Play(Demo("progressoverlay show=0"));
  const int bar = taegst::LayoutOf(kSide, kSide).bar;
  EXPECT_EQ(Changed(plain[0], drawn[0], 0, kSide - bar), 0);
  EXPECT_EQ(Changed(plain[0], drawn[0], kSide - bar, kSide), kSide * bar);
}

TEST_F(Overlay, FramesWithoutAMetaPassUnchanged) {
  const std::string source =
      "videotestsrc num-buffers=2 ! video/x-raw,format=RGB,width=256,"
      "height=256 ! ";
  const auto plain = Play(source + "appsink name=out");
  const auto drawn = Play(source + "progressoverlay ! appsink name=out");
  ASSERT_EQ(drawn.size(), 2u);
  EXPECT_EQ(drawn[1].bytes, plain[1].bytes);
}

TEST_F(Overlay, EveryFormatAndSmallPictures) {
  for (const char* format :
       {"RGBx", "BGRA", "xRGB", "BGR", "I420", "NV12", "YUY2", "GRAY8"})
    for (const char* size : {"8", "64"}) {
      const auto drawn =
          Play(std::string("latentsrc num-buffers=2 steps=4 width=") + size +
               " height=" + size +
               " ! taedecode method=linear ! video/x-raw,format=" + format +
               " ! progressoverlay ! appsink name=out");
      EXPECT_EQ(drawn.size(), 2u) << format << " " << size;
    }
}

TEST_F(Overlay, ItFollowsTheSize) {
  std::vector<Latent> latents = DemoLatents(2, 64);
  for (const Latent& latent : DemoLatents(2, 256)) latents.push_back(latent);
  const auto frames =
      Through(latents,
              "appsrc name=in ! taedecode method=linear ! "
              "video/x-raw,format=RGB ! progressoverlay ! appsink name=out");
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_EQ(frames[1].bytes.size(), 64u * 64 * 3);
  ASSERT_EQ(frames[3].bytes.size(), size_t(kSide) * kSide * 3);
  const uint8_t* done = PixelAt(frames[3], kSide - 2, kSide - 1);
  EXPECT_GT(done[1], done[0] + 50);
}

// Words of others are words, not Pango's markup.
TEST_F(Overlay, MarkupIsShownAsItIs) {
  std::vector<Latent> frames = Play(
      "videotestsrc pattern=black num-buffers=2 ! video/x-raw,format=RGB,"
      "width=256,height=256 ! appsink name=out");
  frames[0].step.rung = "<b>&amp</i>";
  frames[1].step.rung = "b";
  const auto drawn = Through(
      frames, "appsrc name=in ! progressoverlay show=rung ! appsink name=out");
  ASSERT_EQ(drawn.size(), 2u);
  const auto lit = [&](int i) {
    return Changed(frames[i], drawn[i], kSide / 2, kSide);
  };
  EXPECT_GT(lit(0), 2 * lit(1));
  EXPECT_GT(lit(1), 20);
}

TEST_F(Overlay, ItCanBeUsedAgain) {
  Pipeline pipeline(
      "latentsrc num-buffers=2 steps=4 width=64 height=64 ! taedecode "
      "method=linear ! progressoverlay name=overlay ! appsink name=out");
  std::vector<Latent> frames;
  Collect(&pipeline, &frames);
  EXPECT_TRUE(pipeline.Run().eos);
  EXPECT_TRUE(pipeline.Run().eos);
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_EQ(frames[0].bytes, frames[2].bytes);
}

TEST(ProgressText, ALineForEachLatentWithItsTime) {
  const auto lines = Play(
      "latentsrc num-buffers=3 steps=4 width=64 height=64 ! progresstext "
      "show=step+sigma ! appsink name=out");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].caps, "text/x-raw, format=(string)utf8");
  EXPECT_EQ(std::string(lines[1].bytes.begin(), lines[1].bytes.end()),
            "Step\u00a02/4\u00a0· σ\u00a00.750");
  EXPECT_EQ(lines[1].pts, 100 * GST_MSECOND);
  EXPECT_EQ(lines[1].duration, 100 * GST_MSECOND);
}

TEST(ProgressText, FramesToo) {
  const auto lines = Play(
      "latentsrc num-buffers=3 steps=4 width=64 height=64 ! taedecode "
      "method=linear ! progresstext ! appsink name=out");
  ASSERT_EQ(lines.size(), 3u);
}

TEST(ProgressText, WithoutAMetaNothing) {
  EXPECT_TRUE(Play("videotestsrc num-buffers=2 ! video/x-raw,width=64,"
                   "height=64 ! progresstext ! appsink name=out")
                  .empty());
}

// Text on one branch, pictures on the other.
TEST_F(Overlay, TheTextGoesIntoTextoverlay) {
  const auto frames = Play(
      "latentsrc num-buffers=4 steps=4 width=256 height=256 ! tee name=t "
      "! queue ! taedecode method=linear ! video/x-raw,format=RGB ! "
      "o.video_sink t. ! queue ! progresstext ! textoverlay name=o ! "
      "appsink name=out");
  const auto plain = Play(Demo("identity"));
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_GT(Changed(plain[3], frames[3], kSide / 2, kSide), 100);
}

TEST(ProgressText, SubtitlesOfAGeneration) {
  if (!Exists("srtenc")) GTEST_SKIP() << "needs srtenc";
  const auto lines = Play(
      "latentsrc num-buffers=3 steps=4 width=64 height=64 ! progresstext "
      "! srtenc ! appsink name=out");
  ASSERT_GE(lines.size(), 3u);
  const std::string second(lines[1].bytes.begin(), lines[1].bytes.end());
  EXPECT_NE(second.find("00:00:00,100 --> 00:00:00,200"), std::string::npos)
      << second;
}

}  // namespace
}  // namespace tae_test
