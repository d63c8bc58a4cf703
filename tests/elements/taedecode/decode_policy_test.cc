#include "taedecode/decode_policy.h"

#include <gtest/gtest.h>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

using taegst::DecodePolicy;
using taegst::LatentStep;
using taegst::Verdict;

DecodePolicy::Latent At(GstClockTime time) {
  DecodePolicy::Latent latent;
  latent.running_time = time;
  return latent;
}

DecodePolicy::Latent Step(guint step, bool final = false) {
  LatentStep meta;
  meta.step = step;
  meta.final = final;
  DecodePolicy::Latent latent;
  latent.step = meta;
  return latent;
}

TEST(DecodePolicy, LateLatentsAreNotDecodedButTheFirstIs) {
  DecodePolicy policy;
  policy.OnQos(10 * GST_MSECOND, 100 * GST_MSECOND);  // earliest 120 ms
  EXPECT_EQ(policy.Judge(At(0), 1, true), Verdict::kDecode);
  EXPECT_EQ(policy.Judge(At(119 * GST_MSECOND), 1, true), Verdict::kLate);
  EXPECT_EQ(policy.Judge(At(119 * GST_MSECOND), 1, false), Verdict::kDecode);
  EXPECT_EQ(policy.Judge(At(120 * GST_MSECOND), 1, true), Verdict::kDecode);
}

TEST(DecodePolicy, EarlyQosMovesTheLineBack) {
  DecodePolicy policy;
  EXPECT_EQ(policy.Judge(At(0), 1, true), Verdict::kDecode);
  policy.OnQos(-50 * GST_MSECOND, 100 * GST_MSECOND);
  EXPECT_EQ(policy.Judge(At(60 * GST_MSECOND), 1, true), Verdict::kDecode);
  policy.OnQos(-GST_SECOND, 100 * GST_MSECOND);
  EXPECT_EQ(policy.Judge(At(0), 1, true), Verdict::kDecode);
}

TEST(DecodePolicy, FinalIsDecodedHoweverLate) {
  DecodePolicy policy;
  policy.OnQos(GST_SECOND, GST_SECOND);
  EXPECT_EQ(policy.Judge(Step(0), 1, true), Verdict::kDecode);
  DecodePolicy::Latent latent = Step(1);
  latent.running_time = 0;
  EXPECT_EQ(policy.Judge(latent, 1, true), Verdict::kLate);
  latent = Step(2, true);
  latent.running_time = 0;
  EXPECT_EQ(policy.Judge(latent, 1, true), Verdict::kDecode);
}

// What lies between two steps has the number of the first.
TEST(DecodePolicy, LatentsBetweenStepsBeginNoGeneration) {
  DecodePolicy policy;
  policy.OnQos(GST_SECOND, GST_SECOND);
  EXPECT_EQ(policy.Judge(Step(1), 1, true), Verdict::kDecode);
  DecodePolicy::Latent latent = Step(1);
  latent.step->between = 0.5;
  latent.running_time = 0;
  EXPECT_EQ(policy.Judge(latent, 1, true), Verdict::kLate);
}

TEST(DecodePolicy, EveryCountsFromTheFirstOfAGeneration) {
  DecodePolicy policy;
  for (guint step = 0; step < 7; ++step)
    EXPECT_EQ(
        policy.Judge(Step(step, step == 6), 4, true),
        step == 0 || step == 4 || step == 6 ? Verdict::kDecode : Verdict::kSkip)
        << step;
  EXPECT_EQ(policy.Judge(Step(0), 4, true), Verdict::kDecode);  // after final
  EXPECT_EQ(policy.Judge(Step(1), 4, true), Verdict::kSkip);
  EXPECT_EQ(policy.Judge(Step(0), 4, true), Verdict::kDecode);  // step fell
  EXPECT_EQ(policy.Judge(Step(0), 4, true), Verdict::kDecode);  // and again
  DecodePolicy::Latent other = Step(1);
  other.step->prompt_id = "other";
  EXPECT_EQ(policy.Judge(other, 4, true), Verdict::kDecode);
  DecodePolicy::Latent discont = Step(5);
  discont.discont = true;
  EXPECT_EQ(policy.Judge(discont, 4, true), Verdict::kDecode);
}

std::vector<int> DecodedOf(DecodeHarness* harness, int count) {
  const LatentShape shape;
  for (int i = 0; i < count; ++i)
    EXPECT_EQ(harness->Push(LatentBuffer(shape, i)), GST_FLOW_OK);
  EXPECT_TRUE(gst_harness_push_event(harness->h, gst_event_new_eos()));
  std::vector<int> decoded;
  while (auto frame = harness->TryPull())
    decoded.push_back(int(GST_BUFFER_PTS(frame.get()) / (100 * GST_MSECOND)));
  return decoded;
}

TEST(Every, LastIsDecodedAtEndOfStreamWithoutMeta) {
  DecodeHarness harness("taedecode variant=flux2 method=linear every=3");
  harness.SetCaps(LatentCaps({}));
  EXPECT_EQ(DecodedOf(&harness, 9), (std::vector<int>{0, 3, 6, 8}));
  EXPECT_EQ(harness.Stat("decoded"), 4u);
  EXPECT_EQ(harness.Stat("skipped"), 5u);
  EXPECT_EQ(harness.Stat("dropped"), 0u);
}

TEST(Qos, LateLatentsAreDroppedBeforeDecodingButNotTheLast) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  ASSERT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_OK);
  gst_harness_push_upstream_event(
      harness.h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 0.5, GST_SECOND, 0));
  for (int i = 1; i < 6; ++i)
    ASSERT_EQ(harness.Push(LatentBuffer({}, i)), GST_FLOW_OK);
  gst_harness_push_event(harness.h, gst_event_new_eos());
  std::vector<GstClockTime> seen;
  while (auto frame = harness.TryPull())
    seen.push_back(GST_BUFFER_PTS(frame.get()));
  EXPECT_EQ(seen, (std::vector<GstClockTime>{0, 500 * GST_MSECOND}));
  EXPECT_EQ(harness.Stat("decoded"), 2u);
  EXPECT_EQ(harness.Stat("dropped"), 4u);
  const auto message = harness.Message(GST_MESSAGE_QOS);
  EXPECT_NE(message, nullptr);
}

TEST(Qos, EventGoesOnUpstream) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  gst_harness_push_upstream_event(
      harness.h, gst_event_new_qos(GST_QOS_TYPE_OVERFLOW, 1.0, 5, 7));
  bool found = false;
  while (GstEvent* event = gst_harness_try_pull_upstream_event(harness.h)) {
    found |= GST_EVENT_TYPE(event) == GST_EVENT_QOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(found);
}

TEST(Qos, FlushForgivesLateness) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  gst_harness_push_upstream_event(
      harness.h,
      gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 0.5, 10 * GST_SECOND, 0));
  gst_harness_push_event(harness.h, gst_event_new_flush_start());
  gst_harness_push_event(harness.h, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.h, gst_event_new_segment(&segment));
  harness.Push(LatentBuffer({}, 1));
  harness.Push(LatentBuffer({}, 2));
  EXPECT_EQ(harness.Stat("decoded"), 3u);
}

}  // namespace
}  // namespace tae_test
