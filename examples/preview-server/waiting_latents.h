// The latents that wait for the decoder: the newest, and those that are the
// last of their generation. So a decoder that is slower than the steps shows
// the newest, while everything else goes on with all of them.
// Threads: any; neither end waits for the other.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

#include "common/gst_ptr.h"

namespace preview {

class WaitingLatents {
 public:
  // Of the last ones of generations; more than anybody looks back at.
  static constexpr size_t kMostFinals = 16;

  // What comes out of `from` goes into `to`. Takes over the callbacks of both,
  // which must stop before this is destroyed.
  void Connect(GstAppSink* from, GstAppSrc* to);

  // Forgets what waits: both ends begin anew.
  void Clear();

  // How many gave way to a newer one.
  uint64_t passed_over() const { return passed_over_; }

 private:
  struct Waiting {
    taegst::GstPtr<GstSample> sample;
    bool final = false;
  };

  static GstFlowReturn OnSample(GstAppSink* sink, gpointer self);
  static void OnEnd(GstAppSink*, gpointer self);
  static void OnHunger(GstAppSrc*, guint, gpointer self);
  void Put(Waiting latent);
  void Feed();

  GstAppSrc* to_ = nullptr;
  std::mutex mutex_;
  std::deque<Waiting> waiting_;  // finals, then at most one other
  bool hungry_ = false;          // the decoder has nothing to do
  bool ended_ = false;
  std::atomic<uint64_t> passed_over_{0};
};

}  // namespace preview
