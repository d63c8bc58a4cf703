// The whole program: what owns what, and what follows from what.
//
// A latent arrives (pipeline) -> it is kept (store) -> listeners are told
// (events). Its picture arrives -> kept -> viewers get it (live) -> told.
// Threads: everything but the pipeline's own belongs to the main one.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "archive.h"
#include "event_hub.h"
#include "generation_store.h"
#include "http_server.h"
#include "live_hub.h"
#include "options.h"
#include "pipeline.h"
#include "routes.h"
#include "webrtc/hub.h"

namespace preview {

class App {
 public:
  explicit App(const Options& options);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Errors: as Pipeline and HttpServer.
  tae::Status Start();

  const std::string& url() const { return http_.url(); }
  // Where producers connect; "" = a demo is shown.
  std::string latents() const;

 private:
  struct Notice {
    std::string text;
    bool is_error;
    gint64 date;     // seconds since 1970
    uint64_t count;  // how often the same was said
  };

  std::string StatusJson() const;
  void AddPast();
  void OnLatent(ArrivedLatent latent);
  void OnPicture(ArrivedPicture picture);
  void OnNotice(const std::string& text, bool is_error);
  void Keep(const Generation& generation);
  void PublishStep(const Generation& generation, const Step& step);

  const Options options_;
  const std::string instance_;  // another one each start
  const gint64 begin_ = g_get_monotonic_time();
  GenerationStore store_;
  std::optional<Archive> archive_;
  std::deque<Notice> notices_;
  guint telling_ = 0;  // a timer: listeners do not know the newest yet
  LiveHub live_;
  EventHub events_;
  webrtc::Hub webrtc_;
  Routes routes_;
  HttpServer http_;
  Pipeline pipeline_;
};

}  // namespace preview
