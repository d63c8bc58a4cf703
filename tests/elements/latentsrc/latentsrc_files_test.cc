// latentsrc with files: which, in what order, and what is wrong with them.
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/latent_meta.h"
#include "elements/latentsrc/wire.h"
#include "support/patience.h"
#include "support/temp_folder.h"

namespace {

using taegst::testing::Message;

struct Result {
  std::vector<guint> steps;
  std::string error;
  std::vector<std::string> warnings;
  std::string caps;  // of the last latent
};

// Runs a source to its end.
Result RunToEnd(const std::string& settings) {
  Result result;
  GstElement* pipeline = gst_parse_launch(
      ("latentsrc name=s " + settings + " ! fakesink name=k sync=false")
          .c_str(),
      nullptr);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "k");
  GstPad* pad = gst_element_get_static_pad(sink, "sink");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad* pad, GstPadProbeInfo* info, gpointer data) {
        auto* result = static_cast<Result*>(data);
        GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        const auto step = taegst::GetLatentStep(buffer);
        result->steps.push_back(step && step->step ? *step->step : 0);
        GstCaps* caps = gst_pad_get_current_caps(pad);
        gchar* text = gst_caps_to_string(caps);
        result->caps = text;
        g_free(text);
        gst_caps_unref(caps);
        return GST_PAD_PROBE_OK;
      },
      &result, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  for (bool done = false; !done;) {
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, tae_test::kPatience,
        GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR |
                       GST_MESSAGE_WARNING));
    if (message == nullptr) break;
    GError* error = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
      gst_message_parse_warning(message, &error, nullptr);
      result.warnings.push_back(error->message);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error(message, &error, nullptr);
      result.error = error->message;
      done = true;
    } else {
      done = true;
    }
    g_clear_error(&error);
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pad);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return result;
}

class LatentSrcFiles : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_.path() + "/" + name, std::ios::binary) << bytes;
  }
  std::string At(const std::string& name) const {
    return "location=" + folder_.path() + "/" + name;
  }
  static std::string Step(int step) {
    return Message({{"step", std::to_string(step)}, {"space", "sd"}});
  }

  tae::TempFolder folder_;
};

TEST_F(LatentSrcFiles, NaturalOrderOfFolderGlobAndPattern) {
  for (int i : {1, 2, 9, 10, 11})
    Write("s" + std::to_string(i) + ".safetensors", Step(i));
  Write("notes.txt", "no latents");
  const std::vector<guint> all = {1, 2, 9, 10, 11};
  EXPECT_EQ(RunToEnd(At("")).steps, all);
  EXPECT_EQ(RunToEnd(At("s%d.safetensors")).steps, all);
  EXPECT_EQ(RunToEnd(At("s?.safetensors")).steps,
            (std::vector<guint>{1, 2, 9}));
  EXPECT_EQ(RunToEnd(At("s10.safetensors")).steps, (std::vector<guint>{10}));
}

TEST_F(LatentSrcFiles, AFileOfManyLatentsAndWhatTheySay) {
  Write(
      "run.safetensors",
      Step(1) + Step(2) +
          Message({{"step", "3"}, {"space", "sdxl"}, {"pred", "x"}}, 0, 4, 5));
  const Result result = RunToEnd(At("run.safetensors"));
  EXPECT_EQ(result.steps, (std::vector<guint>{1, 2, 3}));
  for (const char* field :
       {"variant=(string)sdxl", "latent-width=(int)5", "latent-height=(int)4",
        "pred=(string)x", "framerate=(fraction)10/1"})
    EXPECT_NE(result.caps.find(field), std::string::npos) << result.caps;
  EXPECT_NE(RunToEnd(At("run.safetensors") + " variant=sd3")
                .error.find("space sd3 has 16"),
            std::string::npos);
}

TEST_F(LatentSrcFiles, WhatCameBeforeAWrongFileIsNotLost) {
  Write("a.safetensors", Step(1));
  Write("b.safetensors", "this is a text");
  Write("c.safetensors", Step(3));
  const Result stopped = RunToEnd(At(""));
  EXPECT_EQ(stopped.steps, (std::vector<guint>{1}));
  EXPECT_NE(stopped.error.find("b.safetensors"), std::string::npos)
      << stopped.error;
  const Result went_on = RunToEnd(At("") + " continue-on-error=true");
  EXPECT_EQ(went_on.steps, (std::vector<guint>{1, 3}));
  EXPECT_EQ(went_on.error, "");
  ASSERT_EQ(went_on.warnings.size(), 1u);
  EXPECT_NE(went_on.warnings[0].find("b.safetensors"), std::string::npos);
}

TEST_F(LatentSrcFiles, NothingReadableIsAnError) {
  Write("b.safetensors", "this is a text");
  const Result result = RunToEnd(At("") + " continue-on-error=true");
  EXPECT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.error.find("no latent could be read"), std::string::npos);
  EXPECT_NE(RunToEnd(At("none*.npy")).error.find("none*.npy"),
            std::string::npos);
}

TEST_F(LatentSrcFiles, APipeWithoutAWriterIsNotWaitedFor) {
  ASSERT_EQ(mkfifo((folder_.path() + "/pipe").c_str(), 0600), 0);
  EXPECT_NE(RunToEnd(At("pipe")).error.find("is not a regular file"),
            std::string::npos);
}

TEST_F(LatentSrcFiles, TooLargeALatentIsRefused) {
  Write("a.safetensors", Step(1));
  EXPECT_NE(RunToEnd(At("a.safetensors") + " max-bytes=10").error, "");
}

TEST_F(LatentSrcFiles, SeeksToALatent) {
  for (int i = 1; i <= 5; ++i)
    Write("s" + std::to_string(i) + ".safetensors", Step(i));
  GstHarness* h = gst_harness_new_parse(("latentsrc " + At("")).c_str());
  gst_harness_set_sink_caps_str(h, "video/x-latent");
  gst_harness_play(h);
  GstBuffer* buffer = gst_harness_pull(h);
  gst_buffer_unref(buffer);
  EXPECT_TRUE(gst_harness_push_upstream_event(
      h, gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                            GST_SEEK_TYPE_SET, 300 * GST_MSECOND,
                            GST_SEEK_TYPE_NONE, 0)));
  guint step = 0;
  GstClockTime pts = 0;
  // What was on its way before the flush may come first.
  for (int i = 0; i < 8 && step != 4; ++i) {
    buffer = gst_harness_pull(h);
    if (buffer == nullptr) break;
    step = taegst::GetLatentStep(buffer)->step.value_or(0);
    pts = GST_BUFFER_PTS(buffer);
    gst_buffer_unref(buffer);
  }
  EXPECT_EQ(step, 4u);
  EXPECT_EQ(pts, 300 * GST_MSECOND);
  gst_harness_teardown(h);
}

}  // namespace
