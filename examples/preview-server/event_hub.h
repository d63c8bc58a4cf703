// Server-sent events, for any number of listeners. One that is slower than the
// events loses those in between and gets the whole status instead.
// Threads: the main one.
#pragma once

#include <libsoup/soup.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "bytes.h"
#include "chunk_stream.h"
#include "shares.h"

namespace preview {

class EventHub {
 public:
  static constexpr size_t kMostListeners = 64;
  static constexpr size_t kMostWaiting = 64;  // events of one listener

  // `status` makes the data of an event `status`: everything.
  explicit EventHub(std::function<std::string()> status);
  ~EventHub();
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  // False: there are too many already. It gets the status at once.
  bool Add(SoupServerMessage* message);

  // `data` is one line.
  void Publish(const std::string& event, const std::string& data);
  void PublishStatus();

  size_t listeners() const { return listeners_.size(); }

 private:
  struct Listener {
    std::deque<Bytes> waiting;
    bool overflowed = false;
    Shares::Place place;
    std::unique_ptr<ChunkStream> stream;
  };

  Bytes Make(const std::string& event, const std::string& data);
  Bytes NextFor(Listener* listener);
  void Send(const Bytes& bytes);

  const std::function<std::string()> status_;
  Shares shares_{kMostListeners};
  std::list<Listener> listeners_;
  uint64_t number_ = 0;
  guint heartbeat_ = 0;
};

}  // namespace preview
