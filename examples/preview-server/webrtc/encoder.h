// The newest picture as video (VP8 in RTP packets), encoded once for all who
// watch by WebRTC, in a pipeline of its own: the decoder never waits for it.
//
//   appsrc - scale - vp8enc - rtpvp8pay - appsink - the outputs
//
// Nothing is encoded while nobody watches.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/gst_ptr.h"
#include "tae/status.h"

namespace preview::webrtc {

class Encoder {
 public:
  // Both sides of a picture, in pixels; larger ones are made smaller.
  static constexpr int kMostSide = 1280;

  // `on_trouble` is called on the main thread with a sentence when the encoder
  // has failed; it gives nothing more until all outputs were removed.
  explicit Encoder(std::function<void(std::string)> on_trouble);
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // Whether the elements are there.
  static bool Installed();

  // What the packets are.
  taegst::GstPtr<GstCaps> caps() const;

  // A new picture. Any thread; it replaces one that waits to be encoded.
  void Show(std::shared_ptr<GstSample> picture);

  // Somebody cannot go on without a whole picture. Any thread; it comes with
  // the next Tick().
  void WantKeyFrame() { key_wanted_ = true; }

  // Main thread. `output` gets all packets from now on, and a key frame.
  tae::Status Add(GstAppSrc* output);
  void Remove(GstAppSrc* output);
  // To be called several times a second while there are outputs: pictures are
  // sent again after a while, for a packet may be lost, and get better by it.
  void Tick();

 private:
  tae::Status Start();
  void Stop();
  void Encode(const std::shared_ptr<GstSample>& picture);
  static GstFlowReturn OnPackets(GstAppSink* sink, gpointer self);
  static gboolean OnBusMessage(GstBus*, GstMessage* message, gpointer self);

  const std::function<void(std::string)> on_trouble_;
  const guint ssrc_;  // who sends, in RTP's words

  // Main thread.
  guint watch_ = 0;
  gint64 last_key_ = 0;  // g_get_monotonic_time()

  std::atomic<bool> key_wanted_{false};
  std::mutex in_;  // order of what goes in
  taegst::GstPtr<GstElement> pipeline_;
  taegst::GstPtr<GstElement> source_;  // null: nobody watches
  std::shared_ptr<GstSample> newest_;
  gint64 shown_ = 0;    // when
  gint64 encoded_ = 0;  // when, the last time
  std::mutex out_;
  std::vector<taegst::GstPtr<GstElement>> outputs_;
};

}  // namespace preview::webrtc
