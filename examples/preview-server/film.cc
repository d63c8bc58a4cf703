#include "film.h"

#include <gio/gio.h>
#include <gst/app/gstappsrc.h>

#include <algorithm>
#include <utility>

#include "common/gst_ptr.h"
#include "low_priority.h"
#include "main_thread.h"

namespace preview {
namespace {

constexpr double kHoldSeconds = 2;

// A film of few steps is slow enough to see them.
int FrameRate(size_t frames) {
  return int(std::clamp<size_t>(frames / 4, 2, 25));
}

std::string Graph(const FilmFrame& last, bool vp9) {
  // Without a search for the best prediction: a preview must not take long.
  const std::string encoder =
      vp9 ? "vp9enc row-mt=true tile-columns=2 " : "vp8enc ";
  return "appsrc name=in format=time ! jpegdec ! videoconvert ! videoscale ! "
         "video/x-raw,format=I420,width=" +
         std::to_string(last.width) + ",height=" + std::to_string(last.height) +
         ",pixel-aspect-ratio=1/1 ! " + encoder +
         "deadline=1 cpu-used=6 end-usage=cq cq-level=18 min-quantizer=4 "
         "max-quantizer=40 target-bitrate=8000000 keyframe-max-dist=24 ! "
         "webmmux writing-app=tae ! giostreamsink name=out";
}

bool HasVp9() {
  const taegst::GstPtr<GstElement> found(
      gst_element_factory_make("vp9enc", nullptr));
  if (!found) return false;
  gst_object_ref_sink(found.get());
  return true;
}

void PushFrame(GstAppSrc* source, const FilmFrame& frame, GstClockTime time,
               GstClockTime duration) {
  GstBuffer* buffer = gst_buffer_new_wrapped_bytes(frame.jpeg.get());
  GST_BUFFER_PTS(buffer) = time;
  GST_BUFFER_DURATION(buffer) = duration;
  const taegst::GstPtr<GstCaps> caps(gst_caps_new_simple(
      "image/jpeg", "width", G_TYPE_INT, frame.width, "height", G_TYPE_INT,
      frame.height, "framerate", GST_TYPE_FRACTION, int(GST_SECOND / duration),
      1, nullptr));
  const taegst::GstPtr<GstSample> sample(
      gst_sample_new(buffer, caps.get(), nullptr, nullptr));
  gst_buffer_unref(buffer);
  gst_app_src_push_sample(source, sample.get());
}

void PushAll(GstElement* source, const std::vector<FilmFrame>& frames) {
  const int rate = FrameRate(frames.size());
  const GstClockTime duration = GST_SECOND / GstClockTime(rate);
  const size_t held = size_t(kHoldSeconds * rate);
  for (size_t i = 0; i < frames.size() + held; ++i)
    PushFrame(GST_APP_SRC(source), frames[std::min(i, frames.size() - 1)],
              i * duration, duration);
  gst_app_src_end_of_stream(GST_APP_SRC(source));
}

}  // namespace

struct FilmMaker::Run {
  taegst::GstPtr<GstElement> pipeline;
  GOutputStream* file = g_memory_output_stream_new_resizable();
  guint watch = 0;

  ~Run() {
    if (watch != 0) g_source_remove(watch);
    if (pipeline) gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    g_object_unref(file);
  }

  Bytes Take() {
    g_output_stream_close(file, nullptr, nullptr);
    return TakeBytes(
        g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(file)));
  }
};

FilmMaker::FilmMaker() = default;
FilmMaker::~FilmMaker() = default;

bool FilmMaker::Make(std::vector<FilmFrame> frames, Done done) {
  if (jobs_.size() >= kMostWaiting) return false;
  jobs_.push_back({std::move(frames), std::move(done)});
  if (jobs_.size() == 1) Begin();
  return true;
}

void FilmMaker::Begin() {
  run_ = std::make_unique<Run>();
  GError* error = nullptr;
  GstElement* made = gst_parse_launch(
      Graph(jobs_.front().frames.back(), HasVp9()).c_str(), &error);
  if (made != nullptr)
    run_->pipeline.reset(GST_ELEMENT(gst_object_ref_sink(made)));
  if (error != nullptr || !run_->pipeline) {
    const std::string why = error != nullptr ? error->message : "no pipeline";
    g_clear_error(&error);
    PostToMain([this, why] { End(nullptr, "No film can be made: " + why); });
    return;
  }
  const taegst::GstPtr<GstElement> out(
      gst_bin_get_by_name(GST_BIN(made), "out"));
  g_object_set(out.get(), "stream", run_->file, nullptr);
  const taegst::GstPtr<GstElement> in(gst_bin_get_by_name(GST_BIN(made), "in"));
  const taegst::GstPtr<GstBus> bus(gst_element_get_bus(made));
  gst_bus_set_sync_handler(bus.get(), LowerPriorityOfThreads, nullptr, nullptr);
  run_->watch = gst_bus_add_watch(
      bus.get(),
      [](GstBus*, GstMessage* message, gpointer self) -> gboolean {
        return static_cast<FilmMaker*>(self)->OnBusMessage(message);
      },
      this);
  gst_element_set_state(made, GST_STATE_PLAYING);
  PushAll(in.get(), jobs_.front().frames);
}

// The run ends later, for this is called by its own watch.
gboolean FilmMaker::OnBusMessage(GstMessage* message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
    gst_element_set_state(run_->pipeline.get(), GST_STATE_NULL);
    const Bytes webm = run_->Take();
    PostToMain([this, webm] { End(webm, ""); });
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError* why = nullptr;
    gst_message_parse_error(message, &why, nullptr);
    const std::string text = why->message;
    g_clear_error(&why);
    PostToMain(
        [this, text] { End(nullptr, "The film was not made: " + text); });
  } else {
    return G_SOURCE_CONTINUE;
  }
  run_->watch = 0;
  return G_SOURCE_REMOVE;
}

void FilmMaker::End(const Bytes& webm, const std::string& error) {
  const Done done = std::move(jobs_.front().done);
  run_.reset();
  jobs_.pop_front();
  done(webm, error);
  if (!jobs_.empty() && !run_) Begin();
}

}  // namespace preview
