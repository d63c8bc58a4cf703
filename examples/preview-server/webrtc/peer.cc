#include "webrtc/peer.h"

#include <gst/video/video.h>

#include <utility>

#include "main_thread.h"
#include "webrtc/session_description.h"

namespace preview::webrtc {
namespace {

// Packets of a peer whose pipeline stands still; the oldest go.
constexpr guint64 kMostBytes = 4 << 20;

// Values of GstWebRTCICEGatheringState and GstWebRTCPeerConnectionState.
constexpr int kGatheringComplete = 2;
constexpr int kConnected = 2;
constexpr int kDisconnected = 3;

int EnumProperty(gpointer object, const char* name) {
  int value = 0;
  g_object_get(object, name, &value, nullptr);
  return value;
}

taegst::GstPtr<GstElement> Make(const char* factory) {
  GstElement* made = gst_element_factory_make(factory, nullptr);
  return taegst::GstPtr<GstElement>(
      made ? GST_ELEMENT(gst_object_ref_sink(made)) : nullptr);
}

struct UnrefObject {
  void operator()(GObject* object) const { g_object_unref(object); }
};
using ObjectPtr = std::unique_ptr<GObject, UnrefObject>;

ObjectPtr ObjectProperty(gpointer object, const char* name) {
  GObject* value = nullptr;
  g_object_get(object, name, &value, nullptr);
  return ObjectPtr(value);
}

bool HasProperty(GObject* object, const char* name) {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(object), name) !=
         nullptr;
}

// False: who knows what it would open.
bool TurnOffUpnp(GObject* ice) {
  if (!HasProperty(ice, "agent")) return false;
  const ObjectPtr agent = ObjectProperty(ice, "agent");
  if (!agent) return false;
  // A libnice that was built without UPnP has no such property.
  if (HasProperty(agent.get(), "upnp"))
    g_object_set(agent.get(), "upnp", FALSE, nullptr);
  return true;
}

}  // namespace

bool Peer::Installed() {
  // dtlssrtpenc and srtpenc are what webrtcbin is made of; nicesrc comes with
  // another package.
  for (const char* name :
       {"webrtcbin", "nicesrc", "nicesink", "dtlssrtpenc", "srtpenc"}) {
    GstElementFactory* factory = gst_element_factory_find(name);
    if (factory == nullptr) return false;
    gst_object_unref(factory);
  }
  return true;
}

// Signals may be on their way on other threads; they find nothing then.
Peer::~Peer() {
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

void Peer::Connect(const char* signal, GCallback callback) {
  g_signal_connect_data(
      webrtc_.get(), signal, callback, new Weak(weak_from_this()),
      [](gpointer weak, GClosure*) { delete static_cast<Weak*>(weak); },
      GConnectFlags(0));
}

tae::Status Peer::Build(GstCaps* caps) {
  source_ = Make("appsrc");
  webrtc_ = Make("webrtcbin");
  GstElement* made = gst_pipeline_new(nullptr);
  pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(made)));
  if (!source_ || !webrtc_)
    return tae::NotFound("appsrc or webrtcbin is not installed");
  gst_util_set_object_arg(G_OBJECT(source_.get()), "format", "time");
  gst_util_set_object_arg(G_OBJECT(source_.get()), "leaky-type", "downstream");
  g_object_set(source_.get(), "is-live", TRUE, "caps", caps, "max-bytes",
               kMostBytes, nullptr);
  gst_util_set_object_arg(G_OBJECT(webrtc_.get()), "bundle-policy",
                          "max-bundle");
  gst_bin_add_many(GST_BIN(made), source_.get(), webrtc_.get(), nullptr);
  if (!gst_element_link(source_.get(), webrtc_.get()))
    return tae::Internal("webrtcbin takes no video");
  GObject* transceiver = nullptr;
  g_signal_emit_by_name(webrtc_.get(), "get-transceiver", 0, &transceiver);
  if (transceiver == nullptr) return tae::Internal("webrtcbin has no sender");
  gst_util_set_object_arg(transceiver, "direction", "sendonly");
  g_object_set(transceiver, "do-nack", TRUE, "codec-preferences", caps,
               nullptr);
  g_object_unref(transceiver);
  return {};
}

// UDP at one address and nothing else: packets over TCP would wait for whoever
// does not read them, and UPnP would listen on every interface and ask the
// router to forward ports.
tae::Status Peer::ListenAt(const Settings& settings) {
  const ObjectPtr ice = ObjectProperty(webrtc_.get(), "ice-agent");
  if (!ice) return tae::Internal("webrtcbin has no ICE agent");
  g_object_set(ice.get(), "ice-tcp", FALSE, nullptr);
  if (!TurnOffUpnp(ice.get()))
    return tae::Unsupported(
        "webrtcbin's ICE agent is not libnice's, so its UPnP cannot be turned "
        "off");
  gboolean added = FALSE;
  g_signal_emit_by_name(ice.get(), "add-local-ip-address",
                        settings.address.c_str(), &added);
  if (!added)
    return tae::Unsupported("WebRTC cannot listen at the address \"" +
                            settings.address + "\"");
  if (!settings.stun_server.empty())
    g_object_set(webrtc_.get(), "stun-server", settings.stun_server.c_str(),
                 nullptr);
  return {};
}

tae::Status Peer::Start(GstCaps* caps, const Settings& settings) {
  TAE_RETURN_IF_ERROR(Build(caps));
  TAE_RETURN_IF_ERROR(ListenAt(settings));
  Connect("notify::ice-gathering-state", G_CALLBACK(OnGatheringState));
  Connect("notify::connection-state", G_CALLBACK(OnConnectionState));
  GstPad* pad = gst_element_get_static_pad(source_.get(), "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, OnUpstream, this,
                    nullptr);
  gst_object_unref(pad);
  gst_element_set_start_time(pipeline_.get(), GST_CLOCK_TIME_NONE);
  gst_element_set_base_time(pipeline_.get(), 0);
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) ==
      GST_STATE_CHANGE_FAILURE)
    return tae::Internal("webrtcbin does not start");
  GstPromise* promise = gst_promise_new_with_change_func(
      OnOffer, gst_object_ref(webrtc_.get()),
      [](gpointer webrtc) { gst_object_unref(webrtc); });
  g_signal_emit_by_name(webrtc_.get(), "create-offer", nullptr, promise);
  return {};
}

void Peer::OnOffer(GstPromise* promise, gpointer webrtc) {
  const GstStructure* reply =
      gst_promise_wait(promise) == GST_PROMISE_RESULT_REPLIED
          ? gst_promise_get_reply(promise)
          : nullptr;
  const GValue* offer =
      reply != nullptr ? gst_structure_get_value(reply, "offer") : nullptr;
  if (offer != nullptr)
    g_signal_emit_by_name(webrtc, "set-local-description",
                          g_value_get_boxed(offer), nullptr);
  gst_promise_unref(promise);
}

void Peer::OnGatheringState(GstElement* webrtc, GParamSpec*, gpointer weak) {
  if (EnumProperty(webrtc, "ice-gathering-state") != kGatheringComplete) return;
  PostToMain([weak = *static_cast<Weak*>(weak)] {
    if (const auto self = weak.lock()) self->OnGathered();
  });
}

void Peer::OnGathered() {
  if (!offer_.empty()) return;
  offer_ = TextOfDescription(webrtc_.get(), "local-description");
  if (!offer_.empty()) events_.on_offer(offer_);
}

void Peer::OnConnectionState(GstElement* webrtc, GParamSpec*, gpointer weak) {
  const int state = EnumProperty(webrtc, "connection-state");
  PostToMain([weak = *static_cast<Weak*>(weak), state] {
    if (const auto self = weak.lock()) self->OnState(state);
  });
}

void Peer::OnState(int state) {
  if (state == kConnected) events_.on_connected();
  if (state >= kDisconnected) events_.on_end();
}

GstPadProbeReturn Peer::OnUpstream(GstPad*, GstPadProbeInfo* info,
                                   gpointer self) {
  if (gst_video_event_is_force_key_unit(gst_pad_probe_info_get_event(info)))
    static_cast<Peer*>(self)->events_.on_key_frame_wanted();
  return GST_PAD_PROBE_OK;
}

bool Peer::SetAnswer(const std::string& text) {
  if (answered_ || offer_.empty()) return false;
  const SdpPtr sdp = ParseSdp(text);
  if (!sdp) return false;
  answered_ = true;
  const SessionDescription answer = {SessionDescription::kAnswer, sdp.get()};
  g_signal_emit_by_name(webrtc_.get(), "set-remote-description", &answer,
                        nullptr);
  return true;
}

}  // namespace preview::webrtc
