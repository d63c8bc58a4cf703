// The properties quality, scale and max-size: which rung, which size.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "support/decode_harness.h"
#include "support/shared_data.h"

namespace tae_test {
namespace {

constexpr LatentShape kShape{32, 8, 16};  // 128x64 pixels

struct Shown {
  std::vector<uint8_t> rgb;  // rows without padding
  int width = 0;
  int height = 0;
  std::string rung;
};

Shown ShowOne(DecodeHarness& harness, const std::string& more = "") {
  harness.SetCaps(LatentCaps(kShape, "variant=flux2" + more));
  EXPECT_EQ(harness.Push(LatentBuffer(kShape, 1)), GST_FLOW_OK);
  const auto frame = harness.TryPull();
  Shown shown;
  if (frame == nullptr) return shown;
  const auto caps = harness.OutputCaps();
  GstVideoInfo info;
  EXPECT_TRUE(gst_video_info_from_caps(&info, caps.get()));
  shown.width = info.width;
  shown.height = info.height;
  const auto bytes = BytesOf(frame.get());
  for (int y = 0; y < info.height; ++y)
    shown.rgb.insert(shown.rgb.end(), bytes.begin() + y * info.stride[0],
                     bytes.begin() + y * info.stride[0] + info.width * 3);
  shown.rung = taegst::GetLatentStep(frame.get())->rung;
  return shown;
}

Shown Show(const std::string& properties,
           const std::string& sink_caps = "video/x-raw,format=RGB") {
  DecodeHarness harness("taedecode variant=flux2 " + properties, sink_caps);
  return ShowOne(harness);
}

// Means of d x d pixels, as floats.
std::vector<double> AreaMean(const Shown& full, int d) {
  std::vector<double> mean;
  for (int y = 0; y < full.height; y += d)
    for (int x = 0; x < full.width; x += d)
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (int i = 0; i < d * d; ++i)
          sum += full.rgb[((y + i / d) * full.width + x + i % d) * 3 + c];
        mean.push_back(sum / (d * d));
      }
  return mean;
}

double Psnr(const std::vector<uint8_t>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return 10 * std::log10(255 * 255 / (sum / double(a.size())));
}

TEST(Quality, RungsThatNeedNoFileAreChosenByNameAndToldInTheMeta) {
  EXPECT_EQ(Show("quality=linear").rung, "linear");
  EXPECT_EQ(Show("quality=builtin").rung, "builtin");
  EXPECT_EQ(Show("method=builtin quality=full").rung, "builtin");
  EXPECT_EQ(Show("method=builtin").rung, "builtin");
  EXPECT_EQ(Show("quality=linear").rgb, Show("method=linear").rgb);
  EXPECT_NE(Show("quality=linear").rgb, Show("quality=builtin").rgb);
}

TEST(Quality, ARungOfAFileWithoutTheFileIsAnErrorThatSaysWhy) {
  DecodeHarness harness("taedecode method=builtin quality=stage2");
  harness.SetCaps(LatentCaps(kShape));
  EXPECT_NE(harness.Push(LatentBuffer(kShape, 0)), GST_FLOW_OK);
  const auto message = harness.Message(GST_MESSAGE_ERROR);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(ErrorOf(message.get()).text,
            "there is no rung 'stage2' here, only builtin");
}

TEST(Quality, PublishedWeightsHaveEveryRungAndItIsDeterministic) {
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  const std::string file = "model-file=" + path + " quality=";
  const Shown full = Show(file + "full");
  EXPECT_EQ(full.rung, "full");
  const Shown best = Show("model-file=" + path);
  EXPECT_EQ(best.rung, "full");
  EXPECT_EQ(best.rgb, full.rgb);
  for (const char* rung : {"linear", "builtin", "stage1", "stage2", "stage3"}) {
    const Shown shown = Show(file + rung);
    EXPECT_EQ(shown.rung, rung);
    EXPECT_NE(shown.rgb, full.rgb);
    EXPECT_EQ(shown.rgb, Show(file + rung).rgb) << "not deterministic";
  }
}

// The rung of the picture of latent `index`, "" where it was passed over.
std::string RungAt(DecodeHarness& harness, int index) {
  EXPECT_EQ(harness.Push(LatentBuffer(kShape, index)), GST_FLOW_OK);
  const auto frame = harness.TryPull();
  return frame != nullptr ? taegst::GetLatentStep(frame.get())->rung : "";
}

void SendQos(DecodeHarness& harness, GstClockTimeDiff jitter, int index) {
  gst_harness_push_upstream_event(
      harness.h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0, jitter,
                                   index * 100 * GST_MSECOND));
}

TEST(Quality, LatenessLowersTheRungBeforeAnythingIsDropped) {
  DecodeHarness harness("taedecode variant=flux2");
  harness.SetCaps(LatentCaps(kShape));
  EXPECT_EQ(RungAt(harness, 0), "builtin");
  SendQos(harness, 200 * GST_MSECOND, 1);
  EXPECT_EQ(RungAt(harness, 2), "linear");
  SendQos(harness, 200 * GST_MSECOND, 2);
  EXPECT_EQ(RungAt(harness, 3), "") << "too late on the lowest rung";
  // A minute between two latents, which the slowest machine has time enough.
  int index = 600;
  for (; index < 18000 && RungAt(harness, index) == "linear"; index += 600)
    SendQos(harness, -50 * GstClockTimeDiff(GST_SECOND), index);
  EXPECT_LT(index, 18000) << "never climbs back";
}

TEST(Scale, CapsBehindAskForASmallerPicture) {
  for (const int d : {1, 2, 4, 8}) {
    const Shown shown =
        Show("quality=builtin",
             "video/x-raw,format=RGB,width=" + std::to_string(128 / d));
    EXPECT_EQ(shown.width, 128 / d);
    EXPECT_EQ(shown.height, 64 / d);
  }
}

TEST(Scale, SizesThatAreNotOfferedAreNotNegotiated) {
  for (const char* caps : {"video/x-raw,format=RGB,width=100",
                           "video/x-raw,format=RGB,width=64,height=64"}) {
    DecodeHarness harness("taedecode variant=flux2 method=linear", caps);
    harness.SetCaps(LatentCaps(kShape));
    EXPECT_EQ(harness.Push(LatentBuffer(kShape, 0)), GST_FLOW_NOT_NEGOTIATED);
  }
}

TEST(Scale, TheLargestThatDownstreamTakesIsShown) {
  const char* any = "video/x-raw,format=RGB,width=[1,127]";
  EXPECT_EQ(Show("method=linear", any).width, 64);
  EXPECT_EQ(Show("method=linear").width, 128);
}

TEST(Scale, DownstreamMayChangeItsMind) {
  DecodeHarness harness("taedecode variant=flux2 method=builtin");
  EXPECT_EQ(ShowOne(harness).width, 128);
  for (const int width : {32, 64, 16, 128}) {
    gst_harness_set_sink_caps_str(
        harness.h,
        ("video/x-raw,format=RGB,width=" + std::to_string(width)).c_str());
    gst_harness_push_upstream_event(harness.h, gst_event_new_reconfigure());
    EXPECT_EQ(harness.Push(LatentBuffer(kShape, 2)), GST_FLOW_OK);
    const auto frame = harness.TryPull();
    ASSERT_NE(frame, nullptr);
    const auto caps = harness.OutputCaps();
    GstVideoInfo info;
    ASSERT_TRUE(gst_video_info_from_caps(&info, caps.get()));
    EXPECT_EQ(info.width, width);
    EXPECT_EQ(info.height, width / 2);
    EXPECT_EQ(gst_buffer_get_size(frame.get()), info.size);
  }
}

TEST(Scale, PropertyFixesIt) {
  EXPECT_EQ(Show("method=builtin scale=1/4").width, 32);
  EXPECT_EQ(Show("method=linear scale=1/8").height, 8);
  DecodeHarness harness("taedecode variant=flux2 method=linear scale=1/2",
                        "video/x-raw,format=RGB,width=128");
  harness.SetCaps(LatentCaps(kShape));
  EXPECT_EQ(harness.Push(LatentBuffer(kShape, 0)), GST_FLOW_NOT_NEGOTIATED);
}

TEST(Scale, MaxSizeBoundsTheLongerSide) {
  EXPECT_EQ(Show("method=linear max-size=128").width, 128);
  EXPECT_EQ(Show("method=linear max-size=127").width, 64);
  EXPECT_EQ(Show("method=linear max-size=32").width, 32);
  EXPECT_EQ(Show("method=linear max-size=1").width, 16);
}

TEST(Scale, SourcePadOffersAllSizesBeforeAndAfterNegotiation) {
  DecodeHarness harness("taedecode variant=flux2 method=linear", "");
  ShowOne(harness);
  const GstPtr<GstPad> pad(
      gst_element_get_static_pad(harness.decoder(), "src"));
  for (const char* size : {"width=128,height=64", "width=16,height=8"}) {
    const GstPtr<GstCaps> wanted(gst_caps_from_string(
        ("video/x-raw,format=I420," + std::string(size)).c_str()));
    const GstPtr<GstCaps> caps(gst_pad_query_caps(pad.get(), wanted.get()));
    EXPECT_FALSE(gst_caps_is_empty(caps.get())) << size;
  }
  const GstPtr<GstCaps> none(
      gst_caps_from_string("video/x-raw,width=100,height=50"));
  const GstPtr<GstCaps> caps(gst_pad_query_caps(pad.get(), none.get()));
  EXPECT_TRUE(gst_caps_is_empty(caps.get()));
}

// Every rung that gives small pictures itself and every one that is shrunk, in
// a format that is shrunk as it is and in one with shared chroma.
TEST(Scale, BuiltinPicturesAreMeansOfTheFullOne) {
  const Shown full = Show("quality=builtin");
  for (const int d : {2, 4, 8}) {
    const std::string scale = "quality=builtin scale=1/" + std::to_string(d);
    const Shown shown = Show(scale);
    const auto mean = AreaMean(full, d);
    ASSERT_EQ(shown.rgb.size(), mean.size());
    const double psnr = Psnr(shown.rgb, mean);
    RecordProperty("psnr_" + std::to_string(d), std::to_string(psnr));
    // Rounding to bytes on both sides leaves 50 dB; what is clamped before the
    // mean here and after it there takes some of that.
    EXPECT_GT(psnr, 40) << d;
    EXPECT_EQ(Show(scale, "video/x-raw,format=I420").width, 128 / d);
  }
}

TEST(Scale, ShrunkPicturesAreMeansOfTheFullOneToARounding) {
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  const std::string file = "model-file=" + path + " quality=full ";
  const Shown full = Show(file);
  for (const int d : {2, 4, 8}) {
    const Shown shown = Show(file + "scale=1/" + std::to_string(d));
    const auto mean = AreaMean(full, d);
    ASSERT_EQ(shown.rgb.size(), mean.size());
    for (size_t i = 0; i < mean.size(); ++i)
      ASSERT_LE(std::abs(shown.rgb[i] - mean[i]), 0.5) << d << ' ' << i;
  }
}

}  // namespace
}  // namespace tae_test
