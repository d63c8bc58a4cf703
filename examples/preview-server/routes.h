// What can be asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "event_hub.h"
#include "film.h"
#include "generation_store.h"
#include "live_hub.h"
#include "request.h"
#include "waiters.h"
#include "webrtc/hub.h"

namespace preview {

class Routes {
 public:
  // Whoever downloads keeps what may be evicted meanwhile.
  static constexpr int kMostDownloads = 16;

  // Borrows all; `status` is the JSON of /status, `on_stop` is called after
  // somebody asked for a stop.
  struct Rooms {
    GenerationStore* store;
    LiveHub* live;
    EventHub* events;
    webrtc::Hub* webrtc;
    std::function<std::string()> status;
    std::function<void()> on_stop;
  };

  explicit Routes(Rooms rooms) : rooms_(std::move(rooms)) {}

  // Answers, now or later.
  void Handle(const Request& request);

 private:
  bool HandlePage(const Request& request);
  void HandleLive(const Request& request);
  void HandleEvents(const Request& request);
  void HandleStop(const Request& request);
  void HandleWebRtc(const Request& request);
  void HandleGeneration(const Request& request, const Generation& generation);
  void HandleStep(const Request& request, const Generation& generation);
  void ReplyGeneration(const Request& request, const Generation& generation);
  void ReplySnapshot(const Request& request, const Generation* generation);
  void ReplyLatents(const Request& request, const Generation& generation);
  bool BeginDownload(SoupServerMessage* message);
  void ReplyFilm(const Request& request, const Generation& generation);
  bool MakeFilm(const Generation& generation, const std::string& what);

  const Rooms rooms_;
  FilmMaker films_;
  Waiters waiters_;
  int downloads_ = 0;  // under way
};

}  // namespace preview
