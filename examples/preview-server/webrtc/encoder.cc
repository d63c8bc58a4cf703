#include "webrtc/encoder.h"

#include <gst/rtp/rtp.h>
#include <gst/video/video.h>

#include <algorithm>
#include <utility>

#include "common/guard.h"

namespace preview::webrtc {
namespace {

// Quality counts, not the bit rate: pictures are few and the network is near.
// A browser takes VP8 for BT.601 whatever the picture's size.
constexpr char kGraph[] =
    "appsrc name=in format=time is-live=true max-buffers=1 "
    "leaky-type=downstream ! videoconvert ! videoscale ! "
    "video/x-raw,format=I420,colorimetry=bt601,width=[16,%d],height=[16,%d],"
    "pixel-aspect-ratio=1/1 ! "
    "vp8enc deadline=1 cpu-used=-16 threads=1 "
    "end-usage=cq cq-level=8 min-quantizer=4 max-quantizer=36 "
    "target-bitrate=20000000 max-intra-bitrate=0 keyframe-max-dist=100000 "
    "timebase=1/90000 ! "
    "rtpvp8pay pt=96 mtu=1200 picture-id-mode=15-bit ssrc=%u ! "
    "appsink name=out sync=false async=false buffer-list=true";

constexpr gint64 kKeyFrameEvery = 300 * 1000;        // at most, microseconds
constexpr gint64 kRepeatFirst = 150 * 1000;          // after a picture
constexpr gint64 kRepeatEvery = 5 * G_USEC_PER_SEC;  // at least

// Of the header extension, in the offer and in the packets.
constexpr guint8 kPlayoutDelayId = 1;
constexpr char kPlayoutDelay[] =
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

struct UnrefList {
  void operator()(GstBufferList* list) const { gst_buffer_list_unref(list); }
};
using PacketsPtr = std::unique_ptr<GstBufferList, UnrefList>;

// The packets of one picture, ours to change.
PacketsPtr PacketsOf(GstSample* sample) {
  GstBufferList* list = gst_sample_get_buffer_list(sample);
  if (list != nullptr) return PacketsPtr(gst_buffer_list_copy(list));
  PacketsPtr one(gst_buffer_list_new());
  if (GstBuffer* buffer = gst_sample_get_buffer(sample))
    gst_buffer_list_add(one.get(), gst_buffer_ref(buffer));
  return one;
}

taegst::GstPtr<GstElement> Named(GstElement* bin, const char* name) {
  return taegst::GstPtr<GstElement>(gst_bin_get_by_name(GST_BIN(bin), name));
}

}  // namespace

Encoder::Encoder(std::function<void(std::string)> on_trouble)
    : on_trouble_(std::move(on_trouble)), ssrc_(g_random_int()) {}

Encoder::~Encoder() { Stop(); }

bool Encoder::Installed() {
  for (const char* name : {"vp8enc", "rtpvp8pay", "videoscale"}) {
    GstElementFactory* factory = gst_element_factory_find(name);
    if (factory == nullptr) return false;
    gst_object_unref(factory);
  }
  return true;
}

taegst::GstPtr<GstCaps> Encoder::caps() const {
  return taegst::GstPtr<GstCaps>(gst_caps_new_simple(
      "application/x-rtp", "media", G_TYPE_STRING, "video", "encoding-name",
      G_TYPE_STRING, "VP8", "payload", G_TYPE_INT, 96, "clock-rate", G_TYPE_INT,
      90000, "ssrc", G_TYPE_UINT, ssrc_, "rtcp-fb-nack-pli", G_TYPE_BOOLEAN,
      TRUE, "extmap-1", G_TYPE_STRING, kPlayoutDelay, nullptr));
}

tae::Status Encoder::Start() {
  const taegst::GstPtr<char> graph(
      g_strdup_printf(kGraph, kMostSide, kMostSide, ssrc_));
  GError* error = nullptr;
  GstElement* made = gst_parse_launch(graph.get(), &error);
  taegst::GstPtr<GstElement> pipeline(
      made ? GST_ELEMENT(gst_object_ref_sink(made)) : nullptr);
  if (error != nullptr || !pipeline) {
    const std::string why = error != nullptr ? error->message : "no pipeline";
    g_clear_error(&error);
    return tae::NotFound("no video can be encoded: " + why);
  }
  GstAppSinkCallbacks callbacks = {};
  callbacks.new_sample = OnPackets;
  gst_app_sink_set_callbacks(GST_APP_SINK(Named(made, "out").get()), &callbacks,
                             this, nullptr);
  const taegst::GstPtr<GstBus> bus(gst_element_get_bus(made));
  watch_ = gst_bus_add_watch(bus.get(), OnBusMessage, this);
  gst_element_set_start_time(made, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time(made, 0);
  gst_element_set_state(made, GST_STATE_PLAYING);
  std::lock_guard lock(in_);
  pipeline_ = std::move(pipeline);
  source_ = Named(made, "in");
  return {};
}

void Encoder::Stop() {
  taegst::GstPtr<GstElement> pipeline;
  {
    std::lock_guard lock(in_);
    pipeline = std::move(pipeline_);
    source_.reset();
  }
  if (watch_ != 0) g_source_remove(watch_);
  watch_ = 0;
  if (pipeline) gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

void Encoder::Show(std::shared_ptr<GstSample> picture) {
  std::lock_guard lock(in_);
  newest_ = std::move(picture);
  shown_ = g_get_monotonic_time();
  Encode(newest_);
}

// With `in_` held. The buffer is of others too: a copy has the time.
void Encoder::Encode(const std::shared_ptr<GstSample>& picture) {
  if (!source_ || !picture) return;
  encoded_ = g_get_monotonic_time();
  const taegst::GstPtr<GstBuffer> buffer(
      gst_buffer_copy(gst_sample_get_buffer(picture.get())));
  // With a base time of 0, here and in the peers' pipelines, the clock's time
  // is that of all of them.
  GST_BUFFER_PTS(buffer.get()) = gst_util_get_timestamp();
  GST_BUFFER_DTS(buffer.get()) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION(buffer.get()) = GST_CLOCK_TIME_NONE;
  const taegst::GstPtr<GstSample> sample(gst_sample_new(
      buffer.get(), gst_sample_get_caps(picture.get()), nullptr, nullptr));
  gst_app_src_push_sample(GST_APP_SRC(source_.get()), sample.get());
}

tae::Status Encoder::Add(GstAppSrc* output) {
  if (!pipeline_) TAE_RETURN_IF_ERROR(Start());
  {
    std::lock_guard lock(out_);
    outputs_.emplace_back(GST_ELEMENT(gst_object_ref(output)));
  }
  WantKeyFrame();
  Tick();
  return {};
}

void Encoder::Remove(GstAppSrc* output) {
  bool last = false;
  {
    std::lock_guard lock(out_);
    std::erase_if(outputs_, [&](const auto& kept) {
      return kept.get() == GST_ELEMENT(output);
    });
    last = outputs_.empty();
  }
  if (last) Stop();
}

void Encoder::Tick() {
  if (!pipeline_) return;
  const gint64 now = g_get_monotonic_time();
  const bool key = now - last_key_ >= kKeyFrameEvery && key_wanted_;
  std::lock_guard lock(in_);
  if (!newest_) return;
  if (key) {
    key_wanted_ = false;
    last_key_ = now;
    gst_element_send_event(Named(pipeline_.get(), "out").get(),
                           gst_video_event_new_upstream_force_key_unit(
                               GST_CLOCK_TIME_NONE, TRUE, 0));
  }
  // 0.15 s after a picture, 0.3 s, 0.6 s, ...
  const gint64 due = std::clamp(encoded_ - shown_, kRepeatFirst, kRepeatEvery);
  if (key || now - encoded_ >= due) Encode(newest_);
}

namespace {

// What tells a browser to show a picture as soon as it is decoded, instead of
// waiting for what may be late: 12 bits of least, 12 of most delay.
gboolean AddPlayoutDelay(GstBuffer** packet, guint, gpointer) {
  constexpr guint8 kNone[3] = {0, 0, 0};
  *packet = gst_buffer_make_writable(*packet);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(*packet, GST_MAP_READWRITE, &rtp)) return TRUE;
  gst_rtp_buffer_add_extension_onebyte_header(&rtp, kPlayoutDelayId, kNone,
                                              sizeof kNone);
  gst_rtp_buffer_unmap(&rtp);
  return TRUE;
}

}  // namespace

GstFlowReturn Encoder::OnPackets(GstAppSink* sink, gpointer data) {
  return taegst::Guard(GST_ELEMENT(sink), GST_FLOW_ERROR, [&] {
    auto* self = static_cast<Encoder*>(data);
    const taegst::GstPtr<GstSample> sample(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_EOS;
    const PacketsPtr packets = PacketsOf(sample.get());
    gst_buffer_list_foreach(packets.get(), AddPlayoutDelay, nullptr);
    std::lock_guard lock(self->out_);
    for (const auto& output : self->outputs_)
      gst_app_src_push_buffer_list(GST_APP_SRC(output.get()),
                                   gst_buffer_list_ref(packets.get()));
    return GST_FLOW_OK;
  });
}

gboolean Encoder::OnBusMessage(GstBus*, GstMessage* message, gpointer data) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return G_SOURCE_CONTINUE;
  auto* self = static_cast<Encoder*>(data);
  self->watch_ = 0;  // ends with this message
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const std::string why = error->message;
  g_clear_error(&error);
  self->on_trouble_("The video for browsers ended: " + why);
  return G_SOURCE_REMOVE;
}

}  // namespace preview::webrtc
