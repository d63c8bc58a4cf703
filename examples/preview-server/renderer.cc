#include "renderer.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include <cstring>
#include <exception>

#include "common/gst_ptr.h"
#include "common/latent_message.h"
#include "element_property.h"
#include "low_priority.h"

namespace preview {
namespace {

constexpr char kGraph[] =
    "appsrc name=in format=time ! taedecode name=decoder ! "
    "video/x-raw,format=RGB ! appsink name=out sync=false";

constexpr GstClockTime kLook = 50 * GST_MSECOND;  // for somebody who gives up

// All that a recording has, as good as it can be, by one thread.
constexpr std::pair<const char*, const char*> kBest[] = {
    {"method", "auto"},  {"precision", "auto"},
    {"quality", "full"}, {"scale", "1"},
    {"every", "1"},      {"anytime", "false"},
    {"max-size", "0"},   {"change-threshold", "0"},
    {"n-threads", "1"},  {"nice", "0"},
    {"max-errors", "0"}, {"qos", "false"}};

// A latent as taedecode takes it. Errors: it is none.
tae::StatusOr<taegst::GstPtr<GstSample>> SampleOf(const Bytes& message,
                                                  GstClockTime time) {
  const std::string_view view = ViewOf(message);
  uint64_t needed = 0;
  const auto header =
      tae::ReadLatentHeader(view.data(), view.size(), {}, &needed);
  if (!header.ok()) return header.status();
  if (!*header || (*header)->message_size > view.size())
    return tae::DataLoss("a latent is not whole");
  const auto info = taegst::InfoOfMessage(**header);
  if (!info.ok()) return info.status();
  std::string payload(size_t((*header)->payload_size), '\0');
  tae::ConvertPayload(**header, view.data() + (*header)->begin, payload.data());
  if (info->size() > payload.size())
    return tae::DataLoss("a latent is shorter than its shape");
  const taegst::GstPtr<GstBuffer> buffer(
      gst_buffer_new_memdup(payload.data(), info->size()));
  GST_BUFFER_PTS(buffer.get()) = time;
  taegst::SetLatentStep(buffer.get(), taegst::StepOfMessage(**header));
  const auto caps = taegst::LatentInfoToCaps(*info);
  return taegst::GstPtr<GstSample>(
      gst_sample_new(buffer.get(), caps.get(), nullptr, nullptr));
}

std::string ErrorOf(GstElement* pipeline) {
  const taegst::GstPtr<GstBus> bus(gst_element_get_bus(pipeline));
  const taegst::GstPtr<GstMessage> message(
      gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  if (!message) return {};
  GError* error = nullptr;
  gst_message_parse_error(message.get(), &error, nullptr);
  std::string why = error->message;
  g_clear_error(&error);
  return why;
}

}  // namespace

// A decoder for the latents of one job.
class Renderer::Decoding {
 public:
  explicit Decoding(const Properties& properties) {
    GError* error = nullptr;
    GstElement* made = gst_parse_launch(kGraph, &error);
    pipeline_.reset(made ? GST_ELEMENT(gst_object_ref_sink(made)) : nullptr);
    g_clear_error(&error);
    if (!pipeline_) return;
    in_ = Named("in");
    out_ = Named("out");
    const auto decoder = Named("decoder");
    for (const auto& [name, value] : properties)
      (void)SetProperty(decoder.get(), name, value).ok();
    for (const auto& [name, value] : kBest)
      (void)SetProperty(decoder.get(), name, value).ok();
    const taegst::GstPtr<GstBus> bus(gst_element_get_bus(made));
    gst_bus_set_sync_handler(bus.get(), LowerPriorityOfThreads, nullptr,
                             nullptr);
    gst_element_set_state(made, GST_STATE_PLAYING);
  }
  // What is being decoded is given up: a large picture takes seconds.
  ~Decoding() {
    if (!pipeline_) return;
    const taegst::GstPtr<GstPad> latents(
        gst_element_get_static_pad(Named("decoder").get(), "sink"));
    gst_pad_send_event(latents.get(), gst_event_new_flush_start());
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }

  bool ok() const { return pipeline_ != nullptr; }

  void Push(GstSample* latent) {
    gst_app_src_push_sample(GST_APP_SRC(in_.get()), latent);
  }
  // The next picture; null: not yet.
  std::shared_ptr<GstSample> Pull() {
    GstSample* sample =
        gst_app_sink_try_pull_sample(GST_APP_SINK(out_.get()), kLook);
    if (sample == nullptr) return nullptr;
    return {sample, [](GstSample* s) { gst_sample_unref(s); }};
  }
  std::string error() const { return ErrorOf(pipeline_.get()); }

 private:
  taegst::GstPtr<GstElement> Named(const char* name) {
    return taegst::GstPtr<GstElement>(
        gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }

  taegst::GstPtr<GstElement> pipeline_, in_, out_;
};

Renderer::~Renderer() {
  {
    std::lock_guard lock(mutex_);
    quit_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Renderer::Add(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { Work(); });
  changed_.notify_one();
}

void Renderer::Work() {
  LowerPriority();
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return quit_ || !jobs_.empty(); });
      if (quit_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      Run(job);
    } catch (const std::exception& error) {
      if (!GivenUp(job)) job.on_end(error.what());
    }
  }
}

// One latent at a time: a picture belongs to the latent before it.
void Renderer::Run(const Job& job) {
  if (GivenUp(job)) return;
  Decoding decoding(decoder_);
  if (!decoding.ok()) return job.on_end("taedecode cannot be made");
  for (size_t place = 0; place < job.latents.size(); ++place) {
    const auto message = job.latents[place].Load();
    if (!message.ok()) return job.on_end(message.status().message());
    const auto latent = SampleOf(*message, place * GST_SECOND);
    if (!latent.ok()) return job.on_end(latent.status().message());
    decoding.Push(latent->get());
    std::shared_ptr<GstSample> picture;
    while (!picture) {
      if (GivenUp(job)) return;
      picture = decoding.Pull();
      const std::string error = picture ? "" : decoding.error();
      if (!error.empty()) return job.on_end(error);
    }
    job.on_picture(place, std::move(picture));
  }
  if (!GivenUp(job)) job.on_end("");
}

}  // namespace preview
