// latentsrc alone, behind a harness: what it offers and what it makes.
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "common/latent_meta.h"

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
