// Downstream changes what it takes while latents are decoded: each frame fits
// the caps before it, and none is lost.
#include <gst/app/gstappsrc.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "support/decode_harness.h"
#include "support/hooked_memory.h"

namespace tae_test {
namespace {

constexpr LatentShape kShape{32, 32, 32};
constexpr int kLatents = 12;

struct Seen {
  std::mutex mutex;
  int frames = 0;
  std::vector<std::string> wrong;  // frames that do not fit their caps
  std::vector<std::string> formats;
};

GstPadProbeReturn CheckFrame(GstPad* pad, GstPadProbeInfo* info,
                             gpointer data) {
  auto* seen = static_cast<Seen*>(data);
  const GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
  GstVideoInfo video;
  if (caps == nullptr || !gst_video_info_from_caps(&video, caps.get()))
    return GST_PAD_PROBE_OK;
  const gsize size = gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info));
  const std::string format =
      std::string(gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&video))) +
      " " + std::to_string(video.width);
  std::lock_guard lock(seen->mutex);
  ++seen->frames;
  seen->formats.push_back(format);
  if (size != GST_VIDEO_INFO_SIZE(&video))
    seen->wrong.push_back(format + " in " + std::to_string(size) + " bytes");
  return GST_PAD_PROBE_OK;
}

GstPtr<GstElement> Named(GstElement* pipeline, const char* name) {
  return GstPtr<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline), name));
}

void Watch(GstElement* pipeline, const char* name, Seen* seen) {
  const GstPtr<GstElement> element = Named(pipeline, name);
  const GstPtr<GstPad> pad(gst_element_get_static_pad(element.get(), "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, CheckFrame, seen,
                    nullptr);
}

// "" at EOS.
std::string RunToTheEnd(GstElement* pipeline) {
  const GstPtr<GstBus> bus(gst_element_get_bus(pipeline));
  const GstPtr<GstMessage> end(gst_bus_timed_pop_filtered(
      bus.get(), kPatience,
      GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(pipeline, GST_STATE_NULL);
  if (end == nullptr) return "timeout";
  return GST_MESSAGE_TYPE(end.get()) == GST_MESSAGE_EOS
             ? ""
             : ErrorOf(end.get()).text;
}

// Latents through `appsrc ! taedecode ! REST`, with `change(i)` called while
// the i-th is mapped; `mapped` counts the times for each latent.
std::string DecodeWhile(const std::string& properties, const std::string& rest,
                        const std::function<void(GstElement*, int)>& change,
                        Seen* seen) {
  const GstPtr<GstAllocator> allocator = HookedAllocatorNew();
  const GstPtr<GstElement> pipeline(
      gst_parse_launch(("appsrc name=in format=time caps=\"" +
                        LatentCaps(kShape, "variant=flux2") +
                        "\" ! taedecode name=d variant=flux2 doctor=false " +
                        properties + " ! " + rest)
                           .c_str(),
                       nullptr));
  Watch(pipeline.get(), "out", seen);
  int count = 0;
  const std::function<void()> on_map = [&] { change(pipeline.get(), count++); };
  const GstPtr<GstElement> in = Named(pipeline.get(), "in");
  for (int i = 0; i < kLatents; ++i)
    gst_app_src_push_buffer(GST_APP_SRC(in.get()),
                            HookedLatent(allocator.get(), kShape, i, &on_map));
  gst_app_src_end_of_stream(GST_APP_SRC(in.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  return RunToTheEnd(pipeline.get());
}

void Ask(GstElement* pipeline, const char* caps) {
  const GstPtr<GstElement> filter = Named(pipeline, "filter");
  const GstPtr<GstCaps> wanted(gst_caps_from_string(caps));
  g_object_set(filter.get(), "caps", wanted.get(), nullptr);
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + "; ";
  return all;
}

// At every map of every latent, one of them after the frame was allocated.
TEST(Renegotiation, FramesFitTheirCapsWhateverChangesWhileTheyAreDrawn) {
  struct Case {
    const char* properties;
    const char* first;
    const char* second;
  };
  for (const Case& c :
       {Case{"method=linear", "video/x-raw,width=256", "video/x-raw,width=32"},
        Case{"method=linear", "video/x-raw,format=RGB",
             "video/x-raw,format=I420"},
        Case{"method=linear", "video/x-raw,format=RGB",
             "video/x-raw,format=Y444"},
        Case{"", "video/x-raw,width=256", "video/x-raw,width=32"},
        Case{"change-threshold=1000 method=linear", "video/x-raw,width=256",
             "video/x-raw,width=128"},
        Case{"anytime=true cpu-share=0", "video/x-raw,width=256",
             "video/x-raw,width=32"}}) {
    Seen seen;
    const std::string error = DecodeWhile(
        c.properties, "capsfilter name=filter ! fakesink name=out sync=false",
        [&](GstElement* pipeline, int i) {
          Ask(pipeline, i % 2 == 0 ? c.first : c.second);
        },
        &seen);
    EXPECT_EQ(error, "") << c.properties << " " << c.second;
    EXPECT_EQ(Joined(seen.wrong), "") << c.properties << " " << c.second;
    EXPECT_GE(seen.frames, kLatents) << c.properties;
  }
}

// What was asked for while a frame was drawn is what that frame, or the next,
// is in.
TEST(Renegotiation, AChangeIsSeenAtOnceWhereTheOldFormatIsNotTaken) {
  Seen seen;
  const std::string error = DecodeWhile(
      "method=linear", "capsfilter name=filter ! fakesink name=out sync=false",
      [&](GstElement* pipeline, int i) {
        if (i == 0) Ask(pipeline, "video/x-raw,format=RGB,width=256");
        if (i == 1) Ask(pipeline, "video/x-raw,format=I420,width=64");
      },
      &seen);
  EXPECT_EQ(error, "");
  ASSERT_EQ(seen.frames, kLatents);
  for (const std::string& format : seen.formats) EXPECT_EQ(format, "I420 64");
}

void LinkBranch(GstElement* pipeline, const char* description) {
  GstElement* branch =
      gst_parse_bin_from_description(description, TRUE, nullptr);
  gst_bin_add(GST_BIN(pipeline), branch);
  gst_element_sync_state_with_parent(branch);
  const GstPtr<GstElement> tee = Named(pipeline, "t");
  EXPECT_TRUE(gst_element_link(tee.get(), branch));
}

// "Start recording": a second branch of a tee, while a latent is decoded.
TEST(Renegotiation, ABranchIsLinkedToATeeWhileFramesAreDrawn) {
  for (const char* branch :
       {"queue ! videoconvert ! video/x-raw,format=I420 ! fakesink async=false",
        "queue ! video/x-raw,format=RGB ! fakesink async=false",
        "queue ! pngenc ! fakesink async=false"})
    for (const int when : {2, 3}) {
      Seen seen;
      const std::string error = DecodeWhile(
          "method=linear",
          "tee name=t ! queue ! videoconvert ! fakesink name=out sync=false",
          [&](GstElement* pipeline, int i) {
            if (i == when) LinkBranch(pipeline, branch);
          },
          &seen);
      EXPECT_EQ(error, "") << branch << " at map " << when;
      EXPECT_EQ(Joined(seen.wrong), "") << branch;
      EXPECT_EQ(seen.frames, kLatents) << branch;
    }
}

}  // namespace
}  // namespace tae_test
