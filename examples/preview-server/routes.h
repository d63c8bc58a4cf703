// What can be asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "event_hub.h"
#include "film.h"
#include "generation_store.h"
#include "live_hub.h"
#include "request.h"

namespace preview {

class Routes {
 public:
  // Borrows all; `status` is the JSON of /status, `on_stop` is called after
  // somebody asked for a stop.
  struct Rooms {
    GenerationStore* store;
    LiveHub* live;
    EventHub* events;
    std::function<std::string()> status;
    std::function<void()> on_stop;
  };

  explicit Routes(Rooms rooms) : rooms_(std::move(rooms)) {}

  // Answers, now or later.
  void Handle(const Request& request);

 private:
  using Message = std::shared_ptr<SoupServerMessage>;

  bool HandlePage(const Request& request);
  void HandleLive(const Request& request);
  void HandleEvents(const Request& request);
  void HandleStop(const Request& request);
  void HandleGeneration(const Request& request, const Generation& generation);
  void HandleStep(const Request& request, const Generation& generation);
  void ReplyGeneration(const Request& request, const Generation& generation);
  void ReplySnapshot(const Request& request, const Generation* generation);
  void ReplyLatents(const Request& request, const Generation& generation);
  void ReplyFilm(const Request& request, const Generation& generation);
  void OnFilm(uint64_t id, const Bytes& webm, const std::string& error);

  const Rooms rooms_;
  FilmMaker films_;
  std::map<uint64_t, std::vector<Message>> film_waits_;  // by generation
};

}  // namespace preview
