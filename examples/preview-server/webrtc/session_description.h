// GstWebRTCSessionDescription by name and layout: the headers that declare it
// come with a package that asks for all of OpenCV's, and nothing else of them
// is needed.
#pragma once

#include <gst/gst.h>
#include <gst/sdp/gstsdpmessage.h>

#include <memory>
#include <string>

namespace preview::webrtc {

// As in gst/webrtc/rtcsessiondescription.h, which is part of GStreamer's ABI.
struct SessionDescription {
  enum Type : int { kOffer = 1, kPranswer = 2, kAnswer = 3 };
  Type type;
  GstSDPMessage* sdp;
};

struct FreeSdp {
  void operator()(GstSDPMessage* sdp) const { gst_sdp_message_free(sdp); }
};
using SdpPtr = std::unique_ptr<GstSDPMessage, FreeSdp>;

// Null where the text is no SDP.
inline SdpPtr ParseSdp(const std::string& text) {
  GstSDPMessage* sdp = nullptr;
  if (gst_sdp_message_new_from_text(text.c_str(), &sdp) != GST_SDP_OK)
    return nullptr;
  return SdpPtr(sdp);
}

// The text of a property of webrtcbin, such as "local-description"; "" = it is
// not set.
inline std::string TextOfDescription(GstElement* webrtc, const char* property) {
  GValue value = G_VALUE_INIT;
  g_object_get_property(G_OBJECT(webrtc), property, &value);
  const auto* said =
      static_cast<const SessionDescription*>(g_value_get_boxed(&value));
  char* text = said != nullptr ? gst_sdp_message_as_text(said->sdp) : nullptr;
  const std::string result = text != nullptr ? text : "";
  g_free(text);
  g_value_unset(&value);
  return result;
}

}  // namespace preview::webrtc
