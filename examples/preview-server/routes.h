// What can be asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "event_hub.h"
#include "generation_routes.h"
#include "generation_store.h"
#include "live_hub.h"
#include "request.h"
#include "webrtc/hub.h"

namespace preview {

class Routes {
 public:
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

  // `decoder`: as GenerationRoutes.
  Routes(Rooms rooms, Renderer::Properties decoder)
      : rooms_(std::move(rooms)),
        generations_(rooms_.store, std::move(decoder)) {}

  void set_archive(const Archive* archive) {
    generations_.set_archive(archive);
  }

  size_t films() const { return generations_.films(); }

  // Answers, now or later.
  void Handle(const Request& request);

 private:
  bool HandlePage(const Request& request);
  void HandleLive(const Request& request);
  void HandleEvents(const Request& request);
  void HandleStop(const Request& request);
  void HandleWebRtc(const Request& request);

  const Rooms rooms_;
  GenerationRoutes generations_;
};

}  // namespace preview
