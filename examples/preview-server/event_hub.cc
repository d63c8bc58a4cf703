#include "event_hub.h"

#include <utility>

#include "client_socket.h"

namespace preview {
namespace {

// So often all is said anew: a generation that stalls shows, and so does a
// listener that is gone.
constexpr guint kHeartbeatSeconds = 15;

}  // namespace

EventHub::EventHub(std::function<std::string()> status)
    : status_(std::move(status)) {
  heartbeat_ = g_timeout_add_seconds(
      kHeartbeatSeconds,
      [](gpointer self) -> gboolean {
        static_cast<EventHub*>(self)->PublishStatus();
        return G_SOURCE_CONTINUE;
      },
      this);
}

EventHub::~EventHub() { g_source_remove(heartbeat_); }

Bytes EventHub::Make(const std::string& event, const std::string& data) {
  return CopyBytes("id: " + std::to_string(++number_) + "\nevent: " + event +
                   "\ndata: " + data + "\n\n");
}

Bytes EventHub::NextFor(Listener* listener) {
  if (std::exchange(listener->overflowed, false))
    return Make("status", status_());
  if (listener->waiting.empty()) return nullptr;
  Bytes first = std::move(listener->waiting.front());
  listener->waiting.pop_front();
  return first;
}

bool EventHub::Add(SoupServerMessage* message) {
  Shares::Place place =
      shares_.Take(HostOf(soup_server_message_get_remote_address(message)));
  if (!place) return false;
  const auto listener = listeners_.emplace(listeners_.end());
  listener->place = std::move(place);
  listener->overflowed = true;
  listener->stream = std::make_unique<ChunkStream>(
      message, "text/event-stream",
      [this, listener] { return NextFor(&*listener); },
      [this, listener] { listeners_.erase(listener); });
  return true;
}

void EventHub::Send(const Bytes& bytes) {
  for (Listener& listener : listeners_) {
    if (listener.waiting.size() < kMostWaiting) {
      listener.waiting.push_back(bytes);
    } else {
      listener.waiting.clear();
      listener.overflowed = true;
    }
    listener.stream->Wake();
  }
}

void EventHub::Publish(const std::string& event, const std::string& data) {
  if (!listeners_.empty()) Send(Make(event, data));
}

void EventHub::PublishStatus() {
  if (!listeners_.empty()) Publish("status", status_());
}

}  // namespace preview
