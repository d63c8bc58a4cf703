// What goes in comes out: times, flags, metas, events, caps.
#include <cmath>
#include <limits>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

TEST(Stream, PictureIsEightTimesTheLatentAndKeepsTimesAndMeta) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  GstBuffer* latent = LatentBuffer({}, 3);
  taegst::LatentStep step;
  step.step = 3;
  step.total_steps = 28;
  step.sigma = 0.25;
  step.timestep = 250.0;
  step.final = true;
  step.prompt_id = "abc";
  step.seed = 42;
  taegst::SetLatentStep(latent, step);
  ASSERT_EQ(harness.Push(latent), GST_FLOW_OK);
  const auto frame = harness.TryPull();
  ASSERT_NE(frame, nullptr);
  EXPECT_EQ(GST_BUFFER_PTS(frame.get()), 300 * GST_MSECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(frame.get()), 100 * GST_MSECOND);
  EXPECT_EQ(gst_buffer_get_size(frame.get()), 32u * 24 * 3);
  const auto seen = taegst::GetLatentStep(frame.get());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->step, 3u);
  EXPECT_EQ(seen->total_steps, 28u);
  EXPECT_EQ(seen->sigma, 0.25);
  EXPECT_EQ(seen->timestep, 250.0);
  EXPECT_TRUE(seen->final);
  EXPECT_EQ(seen->prompt_id, "abc");
  EXPECT_EQ(seen->seed, 42u);
  const auto caps = harness.OutputCaps();
  GstVideoInfo info;
  ASSERT_TRUE(gst_video_info_from_caps(&info, caps.get()));
  EXPECT_EQ(info.width, 32);
  EXPECT_EQ(info.height, 24);
  EXPECT_EQ(info.fps_n, 10);
}

TEST(Stream, DiscontIsKept) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  harness.Push(LatentBuffer({}, 1));
  GstBuffer* latent = LatentBuffer({}, 2);
  GST_BUFFER_FLAG_SET(latent, GST_BUFFER_FLAG_DISCONT);
  harness.Push(latent);
  harness.TryPull();
  EXPECT_FALSE(
      GST_BUFFER_FLAG_IS_SET(harness.TryPull().get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_TRUE(
      GST_BUFFER_FLAG_IS_SET(harness.TryPull().get(), GST_BUFFER_FLAG_DISCONT));
}

TEST(Stream, SizeChangeRenegotiates) {
  DecodeHarness harness;
  for (const LatentShape shape :
       {LatentShape{32, 3, 4}, LatentShape{32, 7, 2}, LatentShape{32, 1, 1}}) {
    harness.SetCaps(LatentCaps(shape));
    ASSERT_EQ(harness.Push(LatentBuffer(shape, 0)), GST_FLOW_OK);
    const auto frame = harness.TryPull();
    ASSERT_NE(frame, nullptr);
    EXPECT_EQ(gst_buffer_get_size(frame.get()),
              size_t(shape.scalars()) / 32 * 64 * 3);
  }
}

TEST(Stream, SizeChangeDecodesTheLatentThatWasPassedOver) {
  DecodeHarness harness("taedecode variant=flux2 method=linear every=10");
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  harness.Push(LatentBuffer({}, 1));
  harness.SetCaps(LatentCaps({32, 8, 8}));
  harness.Push(LatentBuffer({32, 8, 8}, 2));
  std::vector<size_t> sizes;
  while (auto frame = harness.TryPull())
    sizes.push_back(gst_buffer_get_size(frame.get()));
  EXPECT_EQ(sizes, (std::vector<size_t>{2304, 2304, 64 * 64 * 3}));
}

TEST(Stream, FormatChangeDownstreamRenegotiates) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  harness.TryPull();
  gst_harness_set_sink_caps_str(harness.h, "video/x-raw,format=I420");
  gst_harness_push_upstream_event(harness.h, gst_event_new_reconfigure());
  ASSERT_EQ(harness.Push(LatentBuffer({}, 1)), GST_FLOW_OK);
  EXPECT_EQ(gst_buffer_get_size(harness.TryPull().get()), 32u * 24 * 3 / 2);
}

TEST(Stream, FlushThenDecodesOn) {
  DecodeHarness harness("taedecode variant=flux2 method=linear every=2");
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  harness.Push(LatentBuffer({}, 1));  // held
  gst_harness_push_event(harness.h, gst_event_new_flush_start());
  gst_harness_push_event(harness.h, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.h, gst_event_new_segment(&segment));
  ASSERT_EQ(harness.Push(LatentBuffer({}, 5)), GST_FLOW_OK);
  EXPECT_EQ(harness.Stat("decoded"), 2u);
  GstClockTime last = 0;
  while (auto frame = harness.TryPull()) last = GST_BUFFER_PTS(frame.get());
  EXPECT_EQ(last, 500 * GST_MSECOND);
}

TEST(Stream, EndOfStreamComesAfterThePictures) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  gst_harness_push_event(harness.h, gst_event_new_eos());
  EXPECT_NE(harness.TryPull(), nullptr);
  bool eos = false;
  while (GstEvent* event = gst_harness_try_pull_event(harness.h)) {
    eos |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(eos);
}

TEST(Stream, GapFirstAnnouncesThePicturesThatFollow) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  gst_harness_push_event(harness.h, gst_event_new_gap(0, 100 * GST_MSECOND));
  ASSERT_EQ(harness.Push(LatentBuffer({}, 1)), GST_FLOW_OK);
  ASSERT_NE(harness.TryPull(), nullptr);
  const auto caps = harness.OutputCaps();
  GstVideoInfo info;
  ASSERT_TRUE(gst_video_info_from_caps(&info, caps.get()));
  EXPECT_EQ(info.width, 32);
  EXPECT_EQ(info.height, 24);
}

TEST(Stream, TensorsOfAnyRankDecodeAsLatents) {
  DecodeHarness latents;
  latents.SetCaps(LatentCaps({}));
  latents.Push(LatentBuffer({}, 7));
  const auto expected = BytesOf(latents.TryPull().get());
  for (const char* dimensions :
       {"4:3:32", "4:3:32:1", "4:3:32:1:1:1:1:1:1:1:1:1:1:1:1:1",
        "4:3:32:1:0:0"}) {
    DecodeHarness harness;
    harness.SetCaps(
        "other/tensors,format=static,num_tensors=1,types=float32,"
        "framerate=10/1,dimensions=(string)" +
        std::string(dimensions));
    ASSERT_EQ(harness.Push(LatentBuffer({}, 7)), GST_FLOW_OK) << dimensions;
    EXPECT_EQ(BytesOf(harness.TryPull().get()), expected) << dimensions;
  }
}

TEST(Stream, LayoutsDecodeAlike) {
  const LatentShape shape{32, 4, 6};
  const auto values = LatentValues(shape, 1);
  std::vector<float> nhwc(values.size());
  std::vector<float> packed(values.size());
  for (int c = 0; c < 32; ++c)
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 6; ++x) {
        const float value = values[(c * 4 + y) * 6 + x];
        nhwc[(y * 6 + x) * 32 + c] = value;
        const int token = (y / 2) * 3 + x / 2;
        packed[token * 128 + 4 * c + 2 * (y % 2) + x % 2] = value;
      }
  const auto decode = [&](const std::string& layout,
                          const std::vector<float>& data) {
    DecodeHarness harness;
    harness.SetCaps(LatentCaps(shape, "variant=flux2,layout=" + layout));
    EXPECT_EQ(harness.Push(BufferOf(data, 0)), GST_FLOW_OK);
    return BytesOf(harness.TryPull().get());
  };
  const auto expected = decode("nchw", values);
  EXPECT_EQ(decode("nhwc", nhwc), expected);
  EXPECT_EQ(decode("packed", packed), expected);
}

TEST(Stream, CapsQueryAnswersWithWhatTheVariantTakes) {
  DecodeHarness harness;
  const GstPtr<GstCaps> caps(
      gst_pad_peer_query_caps(harness.h->srcpad, nullptr));
  const GstStructure* s = gst_caps_get_structure(caps.get(), 0);
  int channels = 0;
  EXPECT_TRUE(gst_structure_get_int(s, "channels", &channels));
  EXPECT_EQ(channels, 32);
  EXPECT_STREQ(gst_structure_get_string(s, "variant"), "flux2");
}

TEST(Stream, LatencyOfALiveStreamIsAtLeastTheDecodeTime) {
  DecodeHarness harness;
  gst_harness_set_live(harness.h, TRUE);
  harness.SetCaps(LatentCaps({32, 16, 16}));
  harness.Push(LatentBuffer({32, 16, 16}, 0));
  const GstClockTime latency = gst_harness_query_latency(harness.h);
  const GstClockTime took = harness.Stat("last-decode-time");
  EXPECT_GT(latency, took);
  EXPECT_LE(latency, took + 5 * GST_MSECOND);
}

TEST(Stream, MessageForEachStep) {
  DecodeHarness harness(
      "taedecode variant=flux2 method=linear post-messages=true");
  harness.SetCaps(LatentCaps({}));
  GstBuffer* latent = LatentBuffer({}, 2);
  taegst::LatentStep step;
  step.step = 2;
  taegst::SetLatentStep(latent, step);
  harness.Push(latent);
  const auto message = harness.Message(GST_MESSAGE_ELEMENT);
  ASSERT_NE(message, nullptr);
  const GstStructure* s = gst_message_get_structure(message.get());
  EXPECT_TRUE(gst_structure_has_name(s, "latent-step"));
  guint index = 0;
  EXPECT_TRUE(gst_structure_get_uint(s, "step", &index));
  EXPECT_EQ(index, 2u);
  guint64 time = 0;
  EXPECT_TRUE(gst_structure_get_uint64(s, "decode-time", &time));
  EXPECT_GT(time, 0u);
  EXPECT_TRUE(gst_structure_get_uint64(s, "running-time", &time));
  EXPECT_EQ(time, 200 * GST_MSECOND);
}

TEST(Stream, NonfiniteNumbersAreZeroAndMarkTheFrame) {
  auto values = LatentValues({}, 0);
  auto zeroed = values;
  values[5] = std::numeric_limits<float>::quiet_NaN();
  values[77] = -std::numeric_limits<float>::infinity();
  zeroed[5] = zeroed[77] = 0;
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  harness.Push(BufferOf(zeroed, 0));
  const auto expected = BytesOf(harness.TryPull().get());
  for (int i = 1; i < 3; ++i) {
    GstBuffer* latent = BufferOf(values, i);
    taegst::LatentStep step;
    step.step = 40 + i;
    taegst::SetLatentStep(latent, step);
    ASSERT_EQ(harness.Push(latent), GST_FLOW_OK);
    const auto frame = harness.TryPull();
    ASSERT_NE(frame, nullptr);
    EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(frame.get(), GST_BUFFER_FLAG_CORRUPTED));
    EXPECT_EQ(BytesOf(frame.get()), expected);
  }
  EXPECT_EQ(harness.Stat("corrupted"), 2u);
  const auto warning = harness.Message(GST_MESSAGE_WARNING);
  EXPECT_NE(ErrorOf(warning.get()).text.find("2 of 384"), std::string::npos);
  EXPECT_NE(ErrorOf(warning.get()).text.find("step 41"), std::string::npos);
  EXPECT_EQ(harness.Message(GST_MESSAGE_WARNING), nullptr);  // once
}

TEST(Stream, CorruptedFramesCanBeDiscarded) {
  DecodeHarness harness(
      "taedecode variant=flux2 method=linear discard-corrupted-frames=true");
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  auto values = LatentValues({}, 0);
  values[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(harness.Push(BufferOf(values, 1)), GST_FLOW_OK);
  EXPECT_NE(harness.TryPull(), nullptr);
  EXPECT_EQ(harness.TryPull(), nullptr);
}

}  // namespace
}  // namespace tae_test
