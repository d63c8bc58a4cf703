// The latents that wait for the decoder: of each generation the newest, and
// those that are its last. So a decoder that is slower than the steps shows the
// newest, while everything else goes on with all of them. An item of a batch is
// a generation of its own here, and to the decoder.
// Threads: any; neither end waits for the other.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "common/gst_ptr.h"

namespace preview {

class WaitingLatents {
 public:
  // More than anybody looks back at; those that are not the last of their
  // generation go first.
  static constexpr size_t kMost = 64;
  static constexpr size_t kMostBytes = 64 << 20;  // but for the newest

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
    std::string generation;
    size_t size = 0;  // bytes
    bool final = false;
  };

  static GstFlowReturn OnSample(GstAppSink* sink, gpointer self);
  static void OnEnd(GstAppSink*, gpointer self);
  static void OnHunger(GstAppSrc*, guint, gpointer self);
  void Put(Waiting latent);
  void Drop(std::deque<Waiting>::iterator latent);
  void Feed();

  GstAppSrc* to_ = nullptr;
  std::mutex mutex_;
  std::deque<Waiting> waiting_;  // in order of arrival
  size_t bytes_ = 0;             // of those that wait
  bool hungry_ = false;          // the decoder has nothing to do
  bool ended_ = false;
  std::atomic<uint64_t> passed_over_{0};
};

}  // namespace preview
