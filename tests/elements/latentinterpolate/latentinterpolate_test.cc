// latentinterpolate: what lies between the steps, and when.
#include <cmath>
#include <cstring>

#include "common/latent_caps.h"
#include "support/latent_run.h"

namespace tae_test {
namespace {

using Latents = std::vector<Latent>;

constexpr char kThrough[] =
    "appsrc name=in ! latentinterpolate ! appsink name=out";

taegst::LatentInfo SmallInfo(int width = 3) {
  taegst::LatentInfo info;
  info.variant = "flux2";
  info.dtype = tae::DType::kF32;
  info.channels = 32;
  info.extent = {2, width};
  info.fps_n = 10;
  return info;
}

// All numbers of a step are its number.
Latent StepLatent(int step, const taegst::LatentInfo& info = SmallInfo()) {
  const std::vector<float> values(info.size() / sizeof(float), float(step));
  Latent latent;
  latent.bytes.resize(info.size());
  std::memcpy(latent.bytes.data(), values.data(), info.size());
  latent.caps = CapsText(taegst::LatentInfoToCaps(info).get());
  latent.pts = guint64(step - 1) * 100 * GST_MSECOND;
  latent.duration = 100 * GST_MSECOND;
  latent.step.step = guint(step);
  latent.step.total_steps = 4;
  latent.step.sigma = 1 - step / 4.0;
  latent.step.timestep = 1000 - 250.0 * step;
  latent.step.prompt_id = "a";
  latent.step.seed = 7;
  latent.step.extra = {"cfg=4"};
  return latent;
}

Latents Generation(int steps, const taegst::LatentInfo& info = SmallInfo()) {
  Latents latents;
  for (int step = 1; step <= steps; ++step)
    latents.push_back(StepLatent(step, info));
  latents.back().step.final = true;
  return latents;
}

// A generation after another: later, and by another name.
Latents Later(Latents latents, GstClockTime by, const std::string& name) {
  for (Latent& latent : latents) {
    latent.pts += by;
    latent.step.prompt_id = name;
  }
  return latents;
}

Latents Joined(Latents a, const Latents& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

float Value(const Latent& latent, size_t index = 0) {
  float value;
  std::memcpy(&value, latent.bytes.data() + index * sizeof value, sizeof value);
  return value;
}

// In milliseconds, rounded.
int Start(const Latent& latent) {
  return int((latent.pts + GST_MSECOND / 2) / GST_MSECOND);
}
int Length(const Latent& latent) {
  return int((latent.duration + GST_MSECOND / 2) / GST_MSECOND);
}

// No frame begins before the one before it ended, or leaves a hole.
void ExpectGapless(const Latents& latents) {
  for (size_t i = 1; i < latents.size(); ++i)
    EXPECT_NEAR(double(latents[i].pts),
                double(latents[i - 1].pts + latents[i - 1].duration), 2)
        << i;
}

TEST(LatentInterpolate, ThirtyASecondFromTen) {
  const Latents came = Through(Generation(4), kThrough);
  ASSERT_EQ(came.size(), 12u);  // 3 a step, the last at begin and end
  for (size_t i = 0; i < 9; ++i) {
    EXPECT_NEAR(double(came[i].pts), double(i) * GST_SECOND / 30, 1);
    EXPECT_NEAR(Value(came[i]), 1 + double(i) / 3, 1e-6);
    EXPECT_NE(came[i].caps.find("framerate=(fraction)30/1"), std::string::npos);
  }
  for (size_t i : {9, 10, 11}) EXPECT_EQ(came[i].bytes, Generation(4)[3].bytes);
  EXPECT_EQ(Start(came[9]), 300);
  EXPECT_EQ(Start(came[11]), 367);
  EXPECT_EQ(Length(came[11]), 33);
  ExpectGapless(came);
}

TEST(LatentInterpolate, StepsStayAsTheyWereAndTheRestSaysWhereItIs) {
  const Latents sent = Generation(4);
  const Latents came = Through(sent, kThrough);
  ASSERT_EQ(came.size(), 12u);
  for (size_t step = 0; step < 4; ++step) {
    EXPECT_EQ(came[3 * step].bytes, sent[step].bytes);
    EXPECT_EQ(came[3 * step].step, sent[step].step);
  }
  for (size_t i = 0; i < 9; ++i) {
    if (i % 3 == 0) continue;
    const taegst::LatentStep& step = came[i].step;
    EXPECT_EQ(step.step, guint(i / 3 + 1));
    ASSERT_TRUE(step.between);
    EXPECT_NEAR(*step.between, double(i % 3) / 3, 1e-6);
    EXPECT_NEAR(*step.sigma, 1 - (1 + double(i) / 3) / 4, 1e-6);
    EXPECT_NEAR(*step.timestep, 1000 - 250 * (1 + double(i) / 3), 1e-3);
    EXPECT_FALSE(step.final);
    EXPECT_EQ(step.prompt_id, "a");
    EXPECT_EQ(step.seed, 7u);
    EXPECT_EQ(step.extra, std::vector<std::string>{"cfg=4"});
  }
}

TEST(LatentInterpolate, TheRateIsWhatDownstreamAsksFor) {
  const Latents came =
      Through(Generation(3),
              "appsrc name=in ! latentinterpolate ! "
              "video/x-latent,framerate=25/2 ! appsink name=out");
  // 0, 80, 160 of two steps of 100; then the last, on the next even time.
  ASSERT_EQ(came.size(), 4u);
  EXPECT_NEAR(Value(came[1]), 1.8, 1e-6);
  EXPECT_NEAR(Value(came[2]), 2.6, 1e-6);
  EXPECT_EQ(Start(came[3]), 240);
  EXPECT_EQ(Length(came[3]), 60);
  EXPECT_EQ(Value(came[3]), 3);
}

// A source that would follow goes on at its own pace.
TEST(LatentInterpolate, TheRateIsNotAskedOfTheSource) {
  const Latents came = Play(
      "latentsrc num-buffers=2 steps=2 width=64 height=64 ! "
      "latentinterpolate ! video/x-latent,framerate=20/1 ! "
      "appsink name=out");
  ASSERT_EQ(came.size(), 4u);
  EXPECT_EQ(Start(came[2]), 100);
}

TEST(LatentInterpolate, UnevenStepsGiveEvenFrames) {
  Latents sent = Generation(3);
  sent[1].pts = 37 * GST_MSECOND;
  sent[2].pts = 500 * GST_MSECOND;
  const Latents came = Through(sent, kThrough);
  ASSERT_EQ(came.size(), 18u);  // up to 600 ms
  for (size_t i = 0; i < 16; ++i)
    EXPECT_NEAR(double(came[i].pts), double(i) * GST_SECOND / 30, 1);
  EXPECT_NEAR(Value(came[1]), 1 + 33.333 / 37, 1e-4);
  EXPECT_NEAR(Value(came[2]), 2 + (66.667 - 37) / 463, 1e-4);
}

TEST(LatentInterpolate, NothingBetweenGenerations) {
  const Latents sent =
      Joined(Generation(2), Later(Generation(2), 500 * GST_MSECOND, "b"));
  const Latents came = Through(sent, kThrough);
  ASSERT_EQ(came.size(), 12u);
  for (size_t i : {3, 4, 5}) {
    EXPECT_EQ(came[i].bytes, sent[1].bytes);
    EXPECT_EQ(came[i].step, sent[1].step);
  }
  EXPECT_EQ(Start(came[3]), 100);
  EXPECT_EQ(Start(came[6]), 500);
  EXPECT_EQ(came[6].bytes, sent[2].bytes);
}

// Half a second at the end of each generation, whatever the timestamps say;
// finals that are repeated are left out.
TEST(LatentInterpolate, TheLastOfAGenerationIsHeld) {
  Latents first = Generation(2);
  first.push_back(first[1]);
  first[2].pts += 100 * GST_MSECOND;
  const Latents came = Through(
      Joined(first, Later(Generation(2), 9 * GST_SECOND, "b")),
      "appsrc name=in ! latentinterpolate hold=500000000 ! appsink name=out");
  ASSERT_EQ(came.size(), 12u);
  EXPECT_EQ(Start(came[3]), 100);
  EXPECT_EQ(Start(came[5]) + Length(came[5]), 600);
  EXPECT_EQ(came[5].bytes, first[1].bytes);
  EXPECT_EQ(Start(came[6]), 600);
  EXPECT_EQ(Start(came[11]) + Length(came[11]), 1200);
  ExpectGapless(came);
}

// A generation that was given up has no final latent.
TEST(LatentInterpolate, ABrokenOffGenerationIsHeld) {
  Latents first = Generation(2);
  first[1].step.final = false;
  for (const bool renamed : {true, false}) {
    const Latents came = Through(
        Joined(first,
               Later(Generation(2), 500 * GST_MSECOND, renamed ? "b" : "a")),
        kThrough);
    ASSERT_EQ(came.size(), 12u);
    for (size_t i : {3, 4, 5}) EXPECT_EQ(Value(came[i]), 2);
    EXPECT_EQ(Start(came[3]), 100);
    EXPECT_EQ(Start(came[5]) + Length(came[5]), 500);
    ExpectGapless(came);
  }
}

TEST(LatentInterpolate, AnotherSizeAfterTheLastOfTheOld) {
  Latents first = Generation(2);
  first[1].step.final = false;
  const Latents second =
      Later(Generation(2, SmallInfo(5)), 200 * GST_MSECOND, "a");
  const Latents came = Through(Joined(first, second), kThrough);
  ASSERT_EQ(came.size(), 12u);
  EXPECT_EQ(came[5].bytes, first[1].bytes);
  EXPECT_NE(came[5].caps.find("latent-width=(int)3"), std::string::npos);
  EXPECT_NE(came[6].caps.find("latent-width=(int)5"), std::string::npos);
  EXPECT_EQ(came[6].bytes, second[0].bytes);
  EXPECT_EQ(came[11].bytes, second[1].bytes);
  ExpectGapless(came);
}

TEST(LatentInterpolate, SphericalKeepsTheNorm) {
  Latents sent = Generation(2);
  // Orthogonal, of norm 1.
  for (Latent& latent : sent)
    std::memset(latent.bytes.data(), 0, latent.bytes.size());
  const float one = 1;
  std::memcpy(sent[0].bytes.data(), &one, 4);
  std::memcpy(sent[1].bytes.data() + 4, &one, 4);
  const Latents came = Through(sent,
                               "appsrc name=in ! latentinterpolate "
                               "method=spherical ! video/x-latent,"
                               "framerate=20/1 ! appsink name=out");
  ASSERT_EQ(came.size(), 4u);
  EXPECT_NEAR(Value(came[1], 0), std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(Value(came[1], 1), std::sqrt(0.5), 1e-6);
}

TEST(LatentInterpolate, TensorsToo) {
  Latents sent = Generation(2);
  for (Latent& latent : sent)
    latent.caps =
        "other/tensors,format=static,num_tensors=1,types=float32,"
        "dimensions=3:2:32:1,framerate=10/1";
  const Latents came = Through(sent, kThrough);
  ASSERT_EQ(came.size(), 6u);
  EXPECT_EQ(came[0].caps.find("other/tensors"), 0u);
  EXPECT_NEAR(Value(came[1]), 4.0 / 3, 1e-6);
}

// x = (1-s) x0 + s e with x0 = 2 and e = -1: whatever the noise, the second
// latent on says x0, and so does all that lies behind it.
TEST(LatentInterpolate, NoisyLatentsAreCleanedFirst) {
  for (const char* variant : {"flux2", ""}) {
    taegst::LatentInfo info = SmallInfo();
    info.variant = variant;  // "": told by the channels
    info.noisy = true;
    Latents sent = Generation(4, info);
    for (Latent& latent : sent) {
      const double s = *latent.step.sigma;
      const std::vector<float> values(info.size() / sizeof(float),
                                      float((1 - s) * 2 - s));
      std::memcpy(latent.bytes.data(), values.data(), info.size());
    }
    const Latents came = Through(sent, kThrough);
    ASSERT_EQ(came.size(), 12u);
    EXPECT_NE(came[0].caps.find("pred=(string)x0"), std::string::npos);
    for (size_t i = 3; i < came.size(); ++i)
      EXPECT_NEAR(Value(came[i]), 2, 1e-5) << i;
    EXPECT_EQ(came[3].step, sent[1].step);
  }
}

TEST(LatentInterpolate, NoisyLatentsOfUnknownNoiseStay) {
  taegst::LatentInfo info = SmallInfo();
  info.noisy = true;
  Latents sent = Generation(3, info);
  for (Latent& latent : sent) latent.step.sigma.reset();
  const Latents came = Through(sent, kThrough);
  ASSERT_EQ(came.size(), 9u);
  EXPECT_EQ(came[3].bytes, sent[1].bytes);
}

TEST(LatentInterpolate, OneLatentIsALatent) {
  const Latents sent = Generation(1);
  const Latents came = Through(sent, kThrough);
  ASSERT_EQ(came.size(), 3u);
  for (const Latent& latent : came) EXPECT_EQ(latent.bytes, sent[0].bytes);
  EXPECT_EQ(came[2].pts + came[2].duration, sent[0].duration);
}

TEST(LatentInterpolate, WithoutTimestampsAnError) {
  Pipeline pipeline("appsrc name=in ! latentinterpolate ! fakesink");
  pipeline.Play();
  Latents latents = Generation(1);
  latents[0].pts = GST_CLOCK_TIME_NONE;
  Feed(&pipeline, latents);
  const Outcome outcome = pipeline.Wait();
  ASSERT_FALSE(outcome.errors.empty());
  EXPECT_NE(outcome.errors[0].find("do-timestamp"), std::string::npos);
}

TEST(LatentInterpolate, AWrongSizeIsAnError) {
  Pipeline pipeline("appsrc name=in ! latentinterpolate ! fakesink");
  pipeline.Play();
  Latents latents = Generation(1);
  latents[0].bytes.pop_back();
  Feed(&pipeline, latents);
  const Outcome outcome = pipeline.Wait();
  ASSERT_FALSE(outcome.errors.empty());
  EXPECT_NE(outcome.errors[0].find("must have 768 bytes"), std::string::npos)
      << outcome.errors[0];
}

// The element between two pads.
class Harness {
 public:
  Harness() : h_(gst_harness_new("latentinterpolate")) {
    gst_harness_set_src_caps(h_,
                             taegst::LatentInfoToCaps(SmallInfo()).release());
  }
  ~Harness() { gst_harness_teardown(h_); }
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  GstHarness* get() { return h_; }
  void Push(const Latent& latent) {
    GstBuffer* buffer =
        gst_buffer_new_memdup(latent.bytes.data(), latent.bytes.size());
    GST_BUFFER_PTS(buffer) = latent.pts;
    GST_BUFFER_DURATION(buffer) = latent.duration;
    taegst::SetLatentStep(buffer, latent.step);
    ASSERT_EQ(gst_harness_push(h_, buffer), GST_FLOW_OK);
  }
  Latents Pull() {
    Latents latents;
    while (GstBuffer* buffer = gst_harness_try_pull(h_)) {
      const GstPtr<GstBuffer> owned(buffer);
      latents.push_back(LatentOf(buffer, nullptr));
    }
    return latents;
  }

 private:
  GstHarness* h_;
};

TEST(LatentInterpolate, FlushForgetsTheLatentThatWaits) {
  Harness harness;
  const Latents latents = Generation(4);
  harness.Push(latents[0]);
  EXPECT_EQ(harness.Pull().size(), 0u);
  gst_harness_push_event(harness.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  harness.Push(latents[2]);
  harness.Push(latents[3]);
  const Latents came = harness.Pull();
  ASSERT_EQ(came.size(), 6u);
  EXPECT_EQ(Value(came[0]), 3);
  EXPECT_EQ(Value(came[3]), 4);
}

TEST(LatentInterpolate, AFinalLatentDoesNotWait) {
  Harness harness;
  const Latents latents = Generation(2);
  harness.Push(latents[0]);
  harness.Push(latents[1]);
  const Latents came = harness.Pull();
  ASSERT_EQ(came.size(), 6u);
  EXPECT_EQ(Value(came[3]), 2);
}

TEST(LatentInterpolate, EventsStayInTheirPlace) {
  Harness harness;
  const Latents latents = Generation(3);
  harness.Push(latents[0]);
  while (GstEvent* event = gst_harness_try_pull_event(harness.get()))
    gst_event_unref(event);
  gst_harness_push_event(harness.get(), gst_event_new_tag(gst_tag_list_new(
                                            GST_TAG_TITLE, "a cat", nullptr)));
  EXPECT_EQ(gst_harness_events_in_queue(harness.get()), 0u);
  harness.Push(latents[1]);
  EXPECT_EQ(harness.Pull().size(), 3u);
  ASSERT_EQ(gst_harness_events_in_queue(harness.get()), 1u);
  const GstPtr<GstEvent> event(gst_harness_pull_event(harness.get()));
  EXPECT_EQ(GST_EVENT_TYPE(event.get()), GST_EVENT_TAG);
}

TEST(LatentInterpolate, ASegmentEndsWhatWasBefore) {
  Harness harness;
  const Latents latents = Generation(3);
  harness.Push(latents[0]);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 5 * GST_SECOND;
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  const Latents came = harness.Pull();
  ASSERT_EQ(came.size(), 3u);
  for (const Latent& latent : came) EXPECT_EQ(Value(latent), 1);
}

TEST(LatentInterpolate, TheEndOfASegmentIsAnEnd) {
  Harness harness;
  harness.Push(Generation(3)[0]);
  gst_harness_push_event(
      harness.get(), gst_event_new_segment_done(GST_FORMAT_TIME, GST_SECOND));
  EXPECT_EQ(harness.Pull().size(), 3u);
}

TEST(LatentInterpolate, ItsLatencyIsAStep) {
  Harness harness;
  const Latents latents = Generation(3);
  EXPECT_EQ(gst_harness_query_latency(harness.get()), 100 * GST_MSECOND);
  Latent slow = latents[1];
  slow.pts = 700 * GST_MSECOND;
  harness.Push(latents[0]);
  harness.Push(slow);
  EXPECT_EQ(gst_harness_query_latency(harness.get()), 700 * GST_MSECOND);
}

TEST(LatentInterpolate, VideorateFillsWhatIsHeld) {
  const Latents came = Play(
      "latentsrc num-buffers=4 steps=4 width=64 height=64 ! "
      "latentinterpolate hold=500000000 ! taedecode method=linear ! "
      "videorate ! video/x-raw,framerate=30/1 ! appsink name=out");
  EXPECT_EQ(came.size(), 24u);  // 0.8 s
}

TEST(LatentInterpolate, AFilmOfADemo) {
  const Latents came = Play(
      "latentsrc num-buffers=7 steps=6 width=64 height=64 ! "
      "latentinterpolate ! taedecode method=linear ! videorate ! "
      "video/x-raw,framerate=30/1 ! appsink name=out");
  ASSERT_EQ(came.size(), 21u);  // 0.7 s
  EXPECT_EQ(came.back().step.step, 6u);
  EXPECT_TRUE(came.back().step.final);
}

}  // namespace
}  // namespace tae_test
