// latentsrc alone, behind a harness: what it offers and what it makes.
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "common/latent_meta.h"
#include "support/patience.h"

namespace {

// The bytes of buffer `index` of a source under these caps.
std::string BytesOf(const char* launch, const char* caps, int index) {
  GstHarness* h = gst_harness_new_parse(launch);
  gst_harness_set_sink_caps_str(h, caps);
  gst_harness_play(h);
  std::string bytes;
  for (int i = 0; i <= index; ++i) {
    GstBuffer* buffer = gst_harness_pull(h);
    if (buffer == nullptr) break;
    EXPECT_TRUE(GST_BUFFER_PTS_IS_VALID(buffer));
    EXPECT_TRUE(GST_BUFFER_DURATION_IS_VALID(buffer));
    const auto step = taegst::GetLatentStep(buffer);
    EXPECT_TRUE(step.has_value() && step->sigma.has_value());
    bytes.resize(gst_buffer_get_size(buffer));
    gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
    gst_buffer_unref(buffer);
  }
  gst_harness_teardown(h);
  return bytes;
}

TEST(LatentSrc, SameSeedSameBytes) {
  const char* caps = "video/x-latent";
  const std::string a = BytesOf("latentsrc seed=3", caps, 2);
  EXPECT_EQ(a.size(), 32u * 64 * 64 * 2);
  EXPECT_EQ(a, BytesOf("latentsrc seed=3", caps, 2));
  EXPECT_NE(a, BytesOf("latentsrc seed=4", caps, 2));
  EXPECT_NE(a, BytesOf("latentsrc seed=3 noisy=true", caps, 2));
}

TEST(LatentSrc, AdaptsToDownstream) {
  EXPECT_EQ(
      BytesOf("latentsrc", "video/x-latent,variant=sd,channels=4", 0).size(),
      4u * 64 * 64 * 2);
  EXPECT_EQ(
      BytesOf("latentsrc width=64 height=128", "video/x-latent,format=F32LE", 0)
          .size(),
      32u * 8 * 16 * 4);
  EXPECT_EQ(BytesOf("latentsrc", "other/tensors,types=float32", 0).size(),
            32u * 64 * 64 * 4);
}

// Caps that a source settles on, and the duration of its first latent.
std::string CapsOf(const char* launch, const char* caps, GstClockTime* time) {
  GstHarness* h = gst_harness_new_parse(launch);
  gst_harness_set_sink_caps_str(h, caps);
  gst_harness_play(h);
  GstBuffer* buffer = gst_harness_pull(h);
  if (time != nullptr) *time = GST_BUFFER_DURATION(buffer);
  gst_buffer_unref(buffer);
  GstCaps* current = gst_pad_get_current_caps(h->sinkpad);
  gchar* text = gst_caps_to_string(current);
  const std::string result = text;
  g_free(text);
  gst_caps_unref(current);
  gst_harness_teardown(h);
  return result;
}

TEST(LatentSrc, SizeRateAndLayoutAreDownstreamsToNarrow) {
  GstClockTime time = 0;
  const std::string caps =
      CapsOf("latentsrc",
             "video/x-latent,latent-width=32,latent-height=[8,16],"
             "layout=nhwc,framerate=25/1",
             &time);
  for (const char* field : {"variant=(string)flux2", "latent-width=(int)32",
                            "latent-height=(int)16", "layout=(string)nhwc",
                            "framerate=(fraction)25/1"})
    EXPECT_NE(caps.find(field), std::string::npos) << caps;
  EXPECT_EQ(time, 40 * GST_MSECOND);
}

TEST(LatentSrc, ChannelsLastIsTheSameLatent) {
  const char* source = "latentsrc width=24 height=16 seed=2 noisy=true";
  const std::string planes = BytesOf(source, "video/x-latent", 0);
  const std::string pixels = BytesOf(source, "video/x-latent,layout=nhwc", 0);
  ASSERT_EQ(planes.size(), 32u * 2 * 3 * 2);
  ASSERT_EQ(pixels.size(), planes.size());
  for (size_t c = 0; c < 32; ++c)
    for (size_t i = 0; i < 6; ++i)
      EXPECT_EQ(planes.substr((c * 6 + i) * 2, 2),
                pixels.substr((i * 32 + c) * 2, 2));
}

TEST(LatentSrc, WhatNobodyTakesIsSaid) {
  GstElement* pipeline = gst_parse_launch(
      "latentsrc variant=sd ! video/x-latent,variant=sdxl ! fakesink", nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message =
      gst_bus_timed_pop_filtered(bus, tae_test::kPatience, GST_MESSAGE_ERROR);
  ASSERT_NE(message, nullptr);
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  for (const char* word : {"variant sd", "sdxl"})
    EXPECT_NE(std::string(error->message).find(word), std::string::npos)
        << error->message;
  g_error_free(error);
  gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST(LatentSrc, LiveLatencyIsOneLatent) {
  GstHarness* h = gst_harness_new_parse("latentsrc is-live=true");
  gst_harness_use_systemclock(h);
  gst_harness_set_sink_caps_str(h, "video/x-latent");
  gst_harness_play(h);
  gst_buffer_unref(gst_harness_pull(h));
  EXPECT_EQ(gst_harness_query_latency(h), 100 * GST_MSECOND);
  gst_harness_teardown(h);
}

TEST(LatentSrc, PropertiesAreWhatWasSet) {
  GstElement* source = gst_element_factory_make("latentsrc", nullptr);
  g_object_set(source, "location", "x.npy", "continue-on-error", TRUE,
               "allow-remote", TRUE, "max-bytes", guint64{77}, "noisy", TRUE,
               "width", 64, "height", 72, "steps", 9, "step-time",
               2 * GST_SECOND, "seed", guint64{5}, "is-live", TRUE, nullptr);
  gst_util_set_object_arg(G_OBJECT(source), "pattern", "still-life");
  gst_util_set_object_arg(G_OBJECT(source), "variant",
                          "stabilityai/stable-diffusion-xl-base-1.0");
  gchar* location = nullptr;
  gboolean skip = FALSE, remote = FALSE, noisy = FALSE, live = FALSE;
  gchar* variant = nullptr;
  gint pattern = 0, width = 0, height = 0, steps = 0;
  guint64 bytes = 0, time = 0, seed = 0;
  g_object_get(source, "location", &location, "continue-on-error", &skip,
               "allow-remote", &remote, "max-bytes", &bytes, "noisy", &noisy,
               "width", &width, "height", &height, "steps", &steps, "step-time",
               &time, "seed", &seed, "is-live", &live, "pattern", &pattern,
               "variant", &variant, nullptr);
  EXPECT_STREQ(location, "x.npy");
  EXPECT_TRUE(skip && remote && noisy && live);
  EXPECT_EQ(bytes, 77u);
  EXPECT_EQ(width * 1000 + height, 64072);
  EXPECT_EQ(steps, 9);
  EXPECT_EQ(time, 2 * GST_SECOND);
  EXPECT_EQ(seed, 5u);
  EXPECT_EQ(pattern, 2);
  EXPECT_STREQ(variant, "stabilityai/stable-diffusion-xl-base-1.0");
  g_free(variant);
  g_free(location);
  gst_object_unref(source);
}

TEST(LatentSrc, EndsCleanThenHoldsThenGoesOn) {
  const char* caps = "video/x-latent";
  const std::string final = BytesOf("latentsrc steps=4", caps, 3);
  EXPECT_EQ(final, BytesOf("latentsrc steps=4 seed=9", caps, 3));
  EXPECT_EQ(final, BytesOf("latentsrc steps=4", caps, 4));
  EXPECT_NE(final, BytesOf("latentsrc steps=4", caps, 5));
}

TEST(LatentSrc, MissingFilesStopTheStart) {
  GstElement* source =
      gst_parse_launch("latentsrc location=/nowhere/at/all", nullptr);
  EXPECT_EQ(gst_element_set_state(source, GST_STATE_PAUSED),
            GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(source, GST_STATE_NULL);
  gst_object_unref(source);
}

}  // namespace
