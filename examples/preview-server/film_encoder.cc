#include "film_encoder.h"

#include <gst/app/gstappsrc.h>

#include <algorithm>
#include <utility>

#include "low_priority.h"

namespace preview {
namespace {

constexpr double kHoldSeconds = 2;

// A film of few steps is slow enough to see them.
int FrameRate(size_t pictures) {
  return int(std::clamp<size_t>(pictures / 4, 2, 25));
}

bool HasVp9() {
  GstElementFactory* found = gst_element_factory_find("vp9enc");
  if (found != nullptr) gst_object_unref(found);
  return found != nullptr;
}

// JPEGs are in memory anyway and may all wait; raw pictures may not.
std::string Graph(const FilmEncoder::Film& film) {
  // Without a search for the best prediction: a preview must not take long.
  const std::string encoder =
      HasVp9() ? "vp9enc row-mt=true tile-columns=2 " : "vp8enc ";
  return std::string("appsrc name=in format=time ") +
         (film.jpeg ? "! jpegdec " : "max-buffers=2 block=true ") +
         "! videoconvert ! videoscale ! "
         "video/x-raw,format=I420,colorimetry=bt709,width=" +
         std::to_string(film.width) + ",height=" + std::to_string(film.height) +
         ",pixel-aspect-ratio=1/1 ! " + encoder +
         "lag-in-frames=0 deadline=1 cpu-used=6 end-usage=cq cq-level=18 "
         "min-quantizer=4 "
         "max-quantizer=40 target-bitrate=8000000 keyframe-max-dist=24 ! "
         "webmmux writing-app=tae ! giostreamsink name=out";
}

taegst::GstPtr<GstElement> Named(GstElement* bin, const char* name) {
  return taegst::GstPtr<GstElement>(gst_bin_get_by_name(GST_BIN(bin), name));
}

}  // namespace

void FilmEncoder::Input::Write(GstSample* picture) {
  const GstClockTime duration = GST_SECOND / GstClockTime(rate_);
  const taegst::GstPtr<GstBuffer> buffer(
      gst_buffer_copy(gst_sample_get_buffer(picture)));
  GST_BUFFER_PTS(buffer.get()) = count_++ * duration;
  GST_BUFFER_DTS(buffer.get()) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION(buffer.get()) = duration;
  const taegst::GstPtr<GstCaps> caps(
      gst_caps_copy(gst_sample_get_caps(picture)));
  gst_caps_set_simple(caps.get(), "framerate", GST_TYPE_FRACTION, rate_, 1,
                      nullptr);
  const taegst::GstPtr<GstSample> sample(
      gst_sample_new(buffer.get(), caps.get(), nullptr, nullptr));
  gst_app_src_push_sample(GST_APP_SRC(source_.get()), sample.get());
}

void FilmEncoder::Input::Push(GstSample* picture) {
  last_.reset(gst_sample_ref(picture));
  Write(picture);
}

void FilmEncoder::Input::End() {
  for (int i = 0; last_ && i < int(kHoldSeconds * rate_); ++i)
    Write(last_.get());
  gst_app_src_end_of_stream(GST_APP_SRC(source_.get()));
}

FilmEncoder::FilmEncoder(const Film& film, Done done)
    : film_(film),
      done_(std::move(done)),
      file_(g_memory_output_stream_new_resizable()) {}

FilmEncoder::~FilmEncoder() {
  if (watch_ != 0) g_source_remove(watch_);
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  g_object_unref(file_);
}

tae::Status FilmEncoder::Start() {
  GError* error = nullptr;
  GstElement* made = gst_parse_launch(Graph(film_).c_str(), &error);
  pipeline_.reset(made ? GST_ELEMENT(gst_object_ref_sink(made)) : nullptr);
  if (error != nullptr || !pipeline_) {
    const std::string why = error != nullptr ? error->message : "no pipeline";
    g_clear_error(&error);
    return tae::NotFound("No film can be made: " + why);
  }
  g_object_set(Named(made, "out").get(), "stream", file_, nullptr);
  input_->source_ = Named(made, "in");
  input_->rate_ = FrameRate(film_.pictures);
  const taegst::GstPtr<GstBus> bus(gst_element_get_bus(made));
  gst_bus_set_sync_handler(bus.get(), LowerPriorityOfThreads, nullptr, nullptr);
  watch_ = gst_bus_add_watch(
      bus.get(),
      [](GstBus*, GstMessage* message, gpointer self) -> gboolean {
        return static_cast<FilmEncoder*>(self)->OnBusMessage(message);
      },
      this);
  gst_element_set_state(made, GST_STATE_PLAYING);
  return {};
}

gboolean FilmEncoder::OnBusMessage(GstMessage* message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
    watch_ = 0;
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    g_output_stream_close(file_, nullptr, nullptr);
    done_(TakeBytes(g_memory_output_stream_steal_as_bytes(
              G_MEMORY_OUTPUT_STREAM(file_))),
          "");
    return G_SOURCE_REMOVE;
  }
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return G_SOURCE_CONTINUE;
  watch_ = 0;
  GError* why = nullptr;
  gst_message_parse_error(message, &why, nullptr);
  const std::string text = why->message;
  g_clear_error(&why);
  done_(nullptr, "The film was not made: " + text);
  return G_SOURCE_REMOVE;
}

}  // namespace preview
