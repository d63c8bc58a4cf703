// One browser that watches by WebRTC: offer, answer, and packets on their way,
// in a pipeline of its own, so that its end or its trouble is nobody else's.
//
//   appsrc - webrtcbin
//
// Threads: made, used and destroyed on the main one, where its events come too.
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>

#include "common/gst_ptr.h"
#include "tae/status.h"

namespace preview::webrtc {

class Peer : public std::enable_shared_from_this<Peer> {
 public:
  struct Settings {
    std::string address;      // the one of this machine to listen at
    std::string stun_server;  // "stun://host:port"; "" = none
  };
  struct Events {
    std::function<void(std::string)> on_offer;  // SDP, with all candidates
    std::function<void()> on_connected;
    std::function<void()> on_end;  // failed, or the other side closed
    std::function<void()> on_key_frame_wanted;  // on any thread
  };

  explicit Peer(Events events) : events_(std::move(events)) {}
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Whether the elements are there.
  static bool Installed();

  // `caps` is what packets() will get. Events come from here on.
  tae::Status Start(GstCaps* caps, const Settings& settings);

  const std::string& offer() const { return offer_; }
  // Once; an SDP of ReduceAnswer(). False: there was one already, or there was
  // no offer yet.
  bool SetAnswer(const std::string& sdp);

  // Where packets go after on_connected.
  GstAppSrc* packets() const { return GST_APP_SRC(source_.get()); }

 private:
  using Weak = std::weak_ptr<Peer>;

  tae::Status Build(GstCaps* caps);
  tae::Status ListenAt(const Settings& settings);
  void Connect(const char* signal, GCallback callback);
  void OnGathered();
  void OnState(int state);

  // On threads of webrtcbin.
  static void OnOffer(GstPromise* promise, gpointer webrtc);
  static void OnGatheringState(GstElement*, GParamSpec*, gpointer weak);
  static void OnConnectionState(GstElement*, GParamSpec*, gpointer weak);
  static GstPadProbeReturn OnUpstream(GstPad*, GstPadProbeInfo* info,
                                      gpointer self);

  const Events events_;
  taegst::GstPtr<GstElement> pipeline_;
  taegst::GstPtr<GstElement> source_;
  taegst::GstPtr<GstElement> webrtc_;
  std::string offer_;
  bool answered_ = false;
};

}  // namespace preview::webrtc
