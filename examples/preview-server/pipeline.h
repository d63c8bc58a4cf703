// From producers to pictures: listens, decodes, encodes, and hands over what
// came. Every picture is encoded once, however many look at it.
//
//   latentsrc - tee - latentmux - appsink     every latent, to download
//                 \ - appsink                 the newest wait for the decoder
//   appsrc - taedecode - tee - appsink                          to make PNGs
//                          \ - scale - jpegenc - appsink
//                           \ - jpegenc - appsink
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <string>

#include "arrivals.h"
#include "batch_item.h"
#include "common/gst_ptr.h"
#include "options.h"
#include "tae/status.h"
#include "waiting_latents.h"

namespace preview {

class Pipeline {
 public:
  // Called on the main thread, in the order of arrival.
  struct Events {
    std::function<void(ArrivedLatent)> on_latent;
    std::function<void(ArrivedPicture)> on_picture;
    // The picture alone, as soon as it is there; on a streaming thread, which
    // must not be held up.
    std::function<void(std::shared_ptr<GstSample>)> on_raw;
    // A sentence for people. Errors are followed by a restart.
    std::function<void(std::string, bool is_error)> on_notice;
  };

  Pipeline(const Options& options, Events events);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // From here on producers can connect. Errors: a GStreamer element that is
  // not installed, an address that cannot be listened at.
  tae::Status Start();

  struct Counts {
    guint64 received = 0;  // latents
    guint64 dropped = 0;   // lost before they came here
    guint64 skipped = 0;   // not decoded, for a newer one was there
    guint64 connections = 0;
    guint64 connected = 0;  // producers at present
    guint64 evicted = 0;    // idle ones that made room for others
    guint64 failures = 0;   // connections closed for what they sent
    guint64 decoded = 0;
    std::string variant;
    std::string method;
    std::string weights;  // a file's name without its folder
    std::string address;  // where producers connect
  };
  Counts counts() const;

 private:
  tae::Status Build();
  tae::Status Configure();
  tae::Status ConfigureDecoder();
  void Stop();
  void Restart();
  tae::Status FirstError();
  gboolean OnBusMessage(GstMessage* message);

  // On streaming threads.
  static GstPadProbeReturn OnLatent(GstPad*, GstPadProbeInfo* info,
                                    gpointer self);
  static GstBusSyncReply OnSyncMessage(GstBus*, GstMessage* message,
                                       gpointer self);
  static GstFlowReturn OnMessage(GstAppSink* sink, gpointer self);
  static GstFlowReturn OnRaw(GstAppSink* sink, gpointer self);
  static GstFlowReturn OnThumbnail(GstAppSink* sink, gpointer self);
  static GstFlowReturn OnPicture(GstAppSink* sink, gpointer self);
  void Hand(std::function<void()> task);

  const Options options_;
  const Events events_;
  taegst::GstPtr<GstElement> pipeline_;
  guint bus_watch_ = 0;
  guint restart_ = 0;
  BatchSplitter splitter_;
  WaitingLatents to_decode_;
  std::atomic<int> waiting_{0};  // tasks that the main thread has not run

  // Of the thread that latentmux runs in.
  ArrivedLatent latent_;
  // Of the thread that taedecode runs in; its messages come before the frame,
  // and the full picture comes last.
  ArrivedPicture picture_;
};

}  // namespace preview
