#include "pipeline.h"

#include <gst/video/video.h>

#include <utility>

#include "common/guard.h"
#include "element_property.h"
#include "main_thread.h"
#include "picture_copy.h"

namespace preview {
namespace {

constexpr char kGraph[] =
    "latentsrc name=latents ! tee name=t "
    "t. ! latentmux name=mux ! appsink name=messages "
    "t. ! appsink name=arrived "
    "appsrc name=waiting format=time is-live=true ! "
    "taedecode name=decoder post-messages=true ! video/x-raw,format=RGB ! "
    "tee name=v "
    "v. ! appsink name=raws "
    "v. ! videoconvert ! videoscale ! "
    "video/x-raw,height=144,pixel-aspect-ratio=1/1 ! jpegenc quality=80 ! "
    "appsink name=thumbnails "
    "v. ! videoconvert ! jpegenc quality=90 ! appsink name=pictures";

// More than this and the main thread is stuck; nobody would see the pictures.
constexpr int kMostWaiting = 64;
constexpr guint kRestartMs = 1000;

using ElementPtr = taegst::GstPtr<GstElement>;

ElementPtr Named(GstElement* bin, const char* name) {
  return ElementPtr(gst_bin_get_by_name(GST_BIN(bin), name));
}

std::shared_ptr<GstSample> Pull(GstAppSink* sink) {
  GstSample* sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return nullptr;
  return {sample, [](GstSample* s) { gst_sample_unref(s); }};
}

Bytes BytesOf(GstSample* sample) {
  return CopyBytes(gst_sample_get_buffer(sample));
}

// The time of arrival: no two latents have the same, and every element keeps
// it, but for better pictures, which come later.
guint64 KeyOf(GstSample* sample) {
  return GST_BUFFER_PTS(gst_sample_get_buffer(sample));
}

std::string TextField(const GstStructure* s, const char* name) {
  const char* text = gst_structure_get_string(s, name);
  return text != nullptr ? text : "";
}

guint64 CountField(const GstStructure* s, const char* name) {
  guint64 count = 0;
  gst_structure_get_uint64(s, name, &count);
  return count;
}

taegst::GstPtr<GstStructure> Stats(GstElement* pipeline, const char* name) {
  GstStructure* stats = nullptr;
  if (const ElementPtr element = Named(pipeline, name))
    g_object_get(element.get(), "stats", &stats, nullptr);
  return taegst::GstPtr<GstStructure>(stats);
}

std::string SentenceOf(GstMessage* message) {
  GError* error = nullptr;
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error(message, &error, nullptr);
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning(message, &error, nullptr);
      break;
    default:
      gst_message_parse_info(message, &error, nullptr);
      break;
  }
  std::string text = error != nullptr ? error->message : "unknown trouble";
  g_clear_error(&error);
  return text;
}

}  // namespace

Pipeline::Pipeline(const Options& options, Events events)
    : options_(options), events_(std::move(events)) {}

Pipeline::~Pipeline() {
  if (restart_ != 0) g_source_remove(restart_);
  Stop();
}

void Pipeline::Stop() {
  if (bus_watch_ != 0) g_source_remove(bus_watch_);
  bus_watch_ = 0;
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  to_decode_.Clear();
  pipeline_.reset();
}

tae::Status Pipeline::Start() {
  TAE_RETURN_IF_ERROR(Build());
  TAE_RETURN_IF_ERROR(Configure());
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) ==
      GST_STATE_CHANGE_FAILURE)
    return FirstError();
  const taegst::GstPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  bus_watch_ = gst_bus_add_watch(
      bus.get(),
      [](GstBus*, GstMessage* message, gpointer self) -> gboolean {
        return static_cast<Pipeline*>(self)->OnBusMessage(message);
      },
      this);
  return {};
}

tae::Status Pipeline::Build() {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(kGraph, &error);
  pipeline_.reset(pipeline ? GST_ELEMENT(gst_object_ref_sink(pipeline))
                           : nullptr);
  if (error == nullptr && pipeline_) return {};
  const std::string why = error != nullptr ? error->message : "unknown reason";
  g_clear_error(&error);
  return tae::NotFound("GStreamer cannot build the pipeline: " + why +
                       "; the packages gstreamer1.0-plugins-base and "
                       "gstreamer1.0-plugins-good have what it needs");
}

tae::Status Pipeline::ConfigureDecoder() {
  const ElementPtr decoder = Named(pipeline_.get(), "decoder");
  g_object_set(decoder.get(), "qos", FALSE, nullptr);
  for (const auto& [name, value] : options_.decoder) {
    const tae::Status set = SetProperty(decoder.get(), name, value);
    if (!set.ok()) return {set.code(), "--decoder: " + set.message()};
  }
  return {};
}

tae::Status Pipeline::Configure() {
  const ElementPtr latents = Named(pipeline_.get(), "latents");
  g_object_set(latents.get(), "location", options_.latents.c_str(),
               "allow-remote", options_.remote_latents, "is-live",
               options_.latents.empty(), nullptr);
  TAE_RETURN_IF_ERROR(ConfigureDecoder());
  const auto take_all = [&](const char* name) {
    ElementPtr sink = Named(pipeline_.get(), name);
    g_object_set(sink.get(), "sync", FALSE, "async", FALSE, nullptr);
    return sink;
  };
  to_decode_.Connect(GST_APP_SINK(take_all("arrived").get()),
                     GST_APP_SRC(Named(pipeline_.get(), "waiting").get()));
  const auto connect = [&](const char* name, auto on_sample) {
    GstAppSinkCallbacks callbacks = {};
    callbacks.new_sample = on_sample;
    const ElementPtr sink = take_all(name);
    gst_app_sink_set_callbacks(GST_APP_SINK(sink.get()), &callbacks, this,
                               nullptr);
  };
  connect("messages", OnMessage);
  connect("raws", OnRaw);
  connect("thumbnails", OnThumbnail);
  connect("pictures", OnPicture);
  GstPad* source = gst_element_get_static_pad(latents.get(), "src");
  splitter_.Attach(source);
  gst_object_unref(source);
  const ElementPtr mux = Named(pipeline_.get(), "mux");
  GstPad* pad = gst_element_get_static_pad(mux.get(), "sink");
  gst_pad_add_probe(pad,
                    GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                    GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                    OnLatent, this, nullptr);
  gst_object_unref(pad);
  const taegst::GstPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), OnSyncMessage, this, nullptr);
  return {};
}

// Why the pipeline did not start.
tae::Status Pipeline::FirstError() {
  const taegst::GstPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  const taegst::GstPtr<GstMessage> message(
      gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  if (!message) return tae::Internal("the pipeline does not start");
  return tae::InvalidArgument(SentenceOf(message.get()));
}

gboolean Pipeline::OnBusMessage(GstMessage* message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_INFO:
    case GST_MESSAGE_WARNING:
      events_.on_notice(SentenceOf(message), false);
      break;
    case GST_MESSAGE_ERROR:
      events_.on_notice(SentenceOf(message), true);
      bus_watch_ = 0;  // ends with this message
      Restart();
      return G_SOURCE_REMOVE;
    case GST_MESSAGE_EOS:
      events_.on_notice("The stream of latents has ended.", false);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

// One broken stream must not end the program: producers connect again, to
// elements that remember nothing of it.
void Pipeline::Restart() {
  if (restart_ != 0) return;
  Stop();
  restart_ = g_timeout_add(
      kRestartMs,
      [](gpointer data) -> gboolean {
        auto* self = static_cast<Pipeline*>(data);
        self->restart_ = 0;
        const tae::Status status = self->Start();
        if (!status.ok()) {
          self->events_.on_notice(status.message(), true);
          self->Restart();
        }
        return G_SOURCE_REMOVE;
      },
      this);
}

Pipeline::Counts Pipeline::counts() const {
  Counts counts;
  counts.skipped = to_decode_.passed_over();
  if (!pipeline_) return counts;
  if (const auto s = Stats(pipeline_.get(), "latents")) {
    counts.received = CountField(s.get(), "received");
    counts.dropped = CountField(s.get(), "dropped");
    counts.connections = CountField(s.get(), "connections");
    counts.connected = CountField(s.get(), "connected");
    counts.evicted = CountField(s.get(), "evicted");
    counts.failures = CountField(s.get(), "failures");
    counts.address = TextField(s.get(), "address");
  }
  if (const auto s = Stats(pipeline_.get(), "decoder")) {
    counts.decoded = CountField(s.get(), "decoded");
    counts.variant = TextField(s.get(), "variant");
    counts.method = TextField(s.get(), "method");
    counts.weights = TextField(s.get(), "weights");
    counts.weights.erase(0, counts.weights.rfind('/') + 1);
  }
  return counts;
}

void Pipeline::Hand(std::function<void()> task) {
  if (waiting_ >= kMostWaiting) return;
  ++waiting_;
  PostToMain([this, task = std::move(task)] {
    --waiting_;
    task();
  });
}

GstPadProbeReturn Pipeline::OnLatent(GstPad*, GstPadProbeInfo* info,
                                     gpointer data) {
  auto* self = static_cast<Pipeline*>(data);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
    self->latent_.step =
        taegst::GetLatentStep(gst_pad_probe_info_get_buffer(info))
            .value_or(taegst::LatentStep{});
    return GST_PAD_PROBE_OK;
  }
  GstEvent* event = gst_pad_probe_info_get_event(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_TAG) return GST_PAD_PROBE_OK;
  GstTagList* tags = nullptr;
  char* title = nullptr;
  gst_event_parse_tag(event, &tags);
  if (gst_tag_list_get_string(tags, GST_TAG_TITLE, &title))
    self->latent_.prompt = title;
  g_free(title);
  return GST_PAD_PROBE_OK;
}

GstFlowReturn Pipeline::OnMessage(GstAppSink* sink, gpointer data) {
  return taegst::Guard(GST_ELEMENT(sink), GST_FLOW_ERROR, [&] {
    auto* self = static_cast<Pipeline*>(data);
    const auto sample = Pull(sink);
    if (!sample) return GST_FLOW_EOS;
    // The prompt was that of one generation, or of all items of a batch.
    ArrivedLatent latent = std::exchange(self->latent_, {});
    const BatchItem place = ItemOf(latent.step);
    if (place.item + 1 < place.items) self->latent_.prompt = latent.prompt;
    latent.key = KeyOf(sample.get());
    latent.message = BytesOf(sample.get());
    latent.time = g_get_monotonic_time();
    self->Hand([self, latent = std::move(latent)] {
      self->events_.on_latent(latent);
    });
    return GST_FLOW_OK;
  });
}

GstBusSyncReply Pipeline::OnSyncMessage(GstBus*, GstMessage* message,
                                        gpointer data) {
  const GstStructure* s = gst_message_get_structure(message);
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ELEMENT || s == nullptr ||
      !gst_structure_has_name(s, "latent-step"))
    return GST_BUS_PASS;
  ArrivedPicture* picture = &static_cast<Pipeline*>(data)->picture_;
  *picture = {};
  double change = 0;
  gboolean converged = FALSE;
  if (gst_structure_get_double(s, "change", &change)) picture->change = change;
  if (gst_structure_get_boolean(s, "converged", &converged))
    picture->converged = converged != FALSE;
  picture->decode_ms = double(CountField(s, "decode-time")) / GST_MSECOND;
  picture->method = TextField(s, "method");
  gst_structure_get_int64(s, "nonfinite", &picture->nonfinite);
  gst_message_unref(message);
  return GST_BUS_DROP;
}

GstFlowReturn Pipeline::OnRaw(GstAppSink* sink, gpointer data) {
  return taegst::Guard(GST_ELEMENT(sink), GST_FLOW_ERROR, [&] {
    auto* self = static_cast<Pipeline*>(data);
    const auto pooled = Pull(sink);
    if (!pooled) return GST_FLOW_EOS;
    self->picture_.raw = CopyPicture(pooled.get());
    self->events_.on_raw(self->picture_.raw);
    return GST_FLOW_OK;
  });
}

GstFlowReturn Pipeline::OnThumbnail(GstAppSink* sink, gpointer data) {
  return taegst::Guard(GST_ELEMENT(sink), GST_FLOW_ERROR, [&] {
    if (const auto sample = Pull(sink))
      static_cast<Pipeline*>(data)->picture_.thumbnail = BytesOf(sample.get());
    return GST_FLOW_OK;
  });
}

GstFlowReturn Pipeline::OnPicture(GstAppSink* sink, gpointer data) {
  return taegst::Guard(GST_ELEMENT(sink), GST_FLOW_ERROR, [&] {
    auto* self = static_cast<Pipeline*>(data);
    const auto sample = Pull(sink);
    if (!sample) return GST_FLOW_EOS;
    ArrivedPicture picture = std::exchange(self->picture_, {});
    const GstStructure* s =
        gst_caps_get_structure(gst_sample_get_caps(sample.get()), 0);
    gst_structure_get_int(s, "width", &picture.width);
    gst_structure_get_int(s, "height", &picture.height);
    picture.key = KeyOf(sample.get());
    picture.step = taegst::GetLatentStep(gst_sample_get_buffer(sample.get()))
                       .value_or(taegst::LatentStep{});
    UnnameItem(&picture.step);
    picture.picture = BytesOf(sample.get());
    self->Hand([self, picture = std::move(picture)] {
      self->events_.on_picture(picture);
    });
    return GST_FLOW_OK;
  });
}

}  // namespace preview
