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

// A folder's name is no pattern, whatever is in it.
TEST_F(LatentSrcFiles, NamesOfFoldersAreNoPatterns) {
  const std::string name = "run [a-c] *?";
  ASSERT_EQ(mkdir((folder_.path() + "/" + name).c_str(), 0700), 0);
  for (int i : {1, 2})
    Write(name + "/s" + std::to_string(i) + ".safetensors", Step(i));
  const std::string place = "location=\"" + folder_.path() + "/" + name;
  const std::vector<guint> both = {1, 2};
  EXPECT_EQ(RunToEnd(place + "\"").steps, both);
  EXPECT_EQ(RunToEnd(place + "/s%d.safetensors\"").steps, both);
  EXPECT_EQ(RunToEnd(place + "/*.safetensors\"").steps, both);
  EXPECT_EQ(RunToEnd(place + "/s1.safetensors\"").steps,
            (std::vector<guint>{1}));
}

TEST_F(LatentSrcFiles, ACutRecordingPlaysWhatIsWhole) {
  const std::string whole = Step(1) + Step(2);
  const std::string last = Step(3);
  for (const size_t cut : {size_t{3}, size_t{60}, last.size() - 1}) {
    Write("cut.safetensors", whole + last.substr(0, cut));
    const Result result = RunToEnd(At("cut.safetensors"));
    EXPECT_EQ(result.steps, (std::vector<guint>{1, 2})) << cut;
    EXPECT_EQ(result.error, "") << cut;
    ASSERT_EQ(result.warnings.size(), 1u) << cut;
    EXPECT_NE(result.warnings[0].find(std::to_string(whole.size())),
              std::string::npos)
        << result.warnings[0];
  }
}

TEST_F(LatentSrcFiles, ABatchIsOneBuffer) {
  Write("b.safetensors",
        taegst::testing::MessageOf({3, 4, 2, 3}, {{"space", "sd"}}));
  const Result result = RunToEnd(At("b.safetensors"));
  EXPECT_EQ(result.steps.size(), 1u);
  EXPECT_NE(result.caps.find("batch=(int)3"), std::string::npos) << result.caps;
}

TEST_F(LatentSrcFiles, WhatIsSetReplacesWhatTheySay) {
  Write("a.safetensors",
        taegst::testing::MessageOf(
            {1, 16, 4, 16},
            {{"space", "flux1"}, {"domain", "sampler"}, {"layout", "nchw"}}));
  const Result result =
      RunToEnd(At("a.safetensors") + " domain=vae variant=SD3 layout=nhwc");
  for (const char* field : {"variant=(string)sd3", "domain=(string)vae",
                            "layout=(string)nhwc", "latent-height=(int)16"})
    EXPECT_NE(result.caps.find(field), std::string::npos)
        << result.caps << result.error;
  const std::string error =
      RunToEnd(At("a.safetensors") + " variant=flux9").error;
  EXPECT_NE(error.find("flux9"), std::string::npos) << error;
  EXPECT_NE(error.find("flux1"), std::string::npos) << error;
}

TEST_F(LatentSrcFiles, FilesMayHaveLongHeaders) {
  Write("big.safetensors", Message({{"space", "sd"},
                                    {"step", "1"},
                                    {"workflow", std::string(20 << 20, 'x')}}));
  EXPECT_EQ(RunToEnd(At("big.safetensors")).steps, (std::vector<guint>{1}));
}

// A paused source of five latents; what its duration and seeks answer.
class LatentSrcSeeks : public LatentSrcFiles {
 protected:
  void SetUp() override {
    Write("run.safetensors", Step(1) + Step(2) + Step(3));
    Write("run2.safetensors", Step(4) + Step(5));
  }
  void TearDown() override {
    if (pipeline_ == nullptr) return;
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(sink_);
    gst_object_unref(pipeline_);
    pipeline_ = nullptr;
  }
  void Pause(const std::string& settings) {
    TearDown();
    pipeline_ = gst_parse_launch(
        ("latentsrc " + settings + " ! appsink name=k sync=false").c_str(),
        nullptr);
    sink_ = gst_bin_get_by_name(GST_BIN(pipeline_), "k");
    gst_element_set_state(pipeline_, GST_STATE_PAUSED);
    ASSERT_EQ(
        gst_element_get_state(pipeline_, nullptr, nullptr, tae_test::kPatience),
        GST_STATE_CHANGE_SUCCESS);
  }
  gint64 Duration() const {
    gint64 duration = -1;
    gst_element_query_duration(pipeline_, GST_FORMAT_TIME, &duration);
    return duration;
  }
  bool Seek(double rate, GstSeekType start_type, gint64 start,
            GstSeekType stop_type = GST_SEEK_TYPE_NONE, gint64 stop = 0) const {
    return gst_element_seek(pipeline_, rate, GST_FORMAT_TIME,
                            GST_SEEK_FLAG_FLUSH, start_type, start, stop_type,
                            stop);
  }
  // The steps from here to the end.
  std::vector<guint> Rest() const {
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    std::vector<guint> steps;
    for (;;) {
      GstSample* sample = nullptr;
      g_signal_emit_by_name(sink_, "pull-sample", &sample);
      if (sample == nullptr) return steps;
      const auto step = taegst::GetLatentStep(gst_sample_get_buffer(sample));
      steps.push_back(step && step->step ? *step->step : 0);
      gst_sample_unref(sample);
    }
  }

  GstElement* pipeline_ = nullptr;
  GstElement* sink_ = nullptr;
};

TEST_F(LatentSrcSeeks, DurationIsKnownFromTheStart) {
  Pause(At("run.safetensors"));
  EXPECT_EQ(Duration(), gint64(300 * GST_MSECOND));
  Pause(At(""));
  EXPECT_EQ(Duration(), gint64(500 * GST_MSECOND));
  Pause(At("") + " num-buffers=4");
  EXPECT_EQ(Duration(), gint64(400 * GST_MSECOND));
  Pause("num-buffers=7");
  EXPECT_EQ(Duration(), gint64(700 * GST_MSECOND));
  Pause("width=64 height=64");
  EXPECT_EQ(Duration(), -1) << "the demo has no end";
}

TEST_F(LatentSrcSeeks, CountedFromTheEnd) {
  Pause(At(""));
  EXPECT_TRUE(Seek(1, GST_SEEK_TYPE_END, -gint64(200 * GST_MSECOND)));
  EXPECT_EQ(Rest(), (std::vector<guint>{4, 5}));
  Pause(At(""));
  EXPECT_TRUE(Seek(1, GST_SEEK_TYPE_SET, gint64(100 * GST_MSECOND),
                   GST_SEEK_TYPE_END, -gint64(100 * GST_MSECOND)));
  EXPECT_EQ(Rest(), (std::vector<guint>{2, 3, 4}));
}

TEST_F(LatentSrcSeeks, WhatCannotBeDoneIsRefusedAndChangesNothing) {
  Pause(At(""));
  EXPECT_FALSE(Seek(-1, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
                    gint64(300 * GST_MSECOND)));
  EXPECT_EQ(Rest(), (std::vector<guint>{1, 2, 3, 4, 5}));
  Pause("width=64 height=64");
  EXPECT_FALSE(Seek(1, GST_SEEK_TYPE_END, -gint64(GST_SECOND)));
}

// A stop or a flush that meets the first caps is no error.
TEST_F(LatentSrcSeeks, StoppingAtAnyTimeIsNoError) {
  GstElement* pipeline = gst_parse_launch(
      ("latentsrc " + At("") + " ! fakesink").c_str(), nullptr);
  GstBus* bus = gst_element_get_bus(pipeline);
  for (int i = 0; i < 200; ++i) {
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_usleep(gulong(i % 8) * 100);
    gst_element_set_state(pipeline, GST_STATE_READY);
    GstMessage* error = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    EXPECT_EQ(error, nullptr) << i;
    if (error != nullptr) gst_message_unref(error);
  }
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

}  // namespace
