#include "waiters.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "client_socket.h"

namespace preview {
namespace {

// A request that waits is not read from: libsoup does not notice its end.
bool HasHungUp(SoupServerMessage* message) {
  GSocket* socket = SocketOf(message);
  if (socket == nullptr || g_socket_is_closed(socket)) return true;
  char byte = 0;
  return recv(g_socket_get_fd(socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace

Waiters::~Waiters() {
  if (timer_ != 0) g_source_remove(timer_);
}

void Waiters::Add(const std::string& what, SoupServerMessage* message) {
  soup_server_message_pause(message);
  waiting_[what].emplace_back(SOUP_SERVER_MESSAGE(g_object_ref(message)),
                              Unref());
}

void Waiters::WhenNobodyWaits(const std::string& what,
                              std::function<void()> give_up) {
  give_up_[what] = std::move(give_up);
  if (timer_ != 0) return;
  timer_ = g_timeout_add_seconds(
      1,
      [](gpointer self) -> gboolean {
        static_cast<Waiters*>(self)->Look();
        return G_SOURCE_CONTINUE;
      },
      this);
}

void Waiters::Look() {
  std::vector<std::string> gone;
  for (const auto& [what, messages] : waiting_)
    if (give_up_.contains(what) &&
        std::all_of(messages.begin(), messages.end(),
                    [](const Message& m) { return HasHungUp(m.get()); }))
      gone.push_back(what);
  for (const std::string& what : gone) {
    const auto give_up = give_up_.extract(what);
    End(what, [](SoupServerMessage* message) {
      soup_server_message_set_status(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                                     nullptr);
    });
    give_up.mapped()();
  }
}

void Waiters::End(const std::string& what, const Answer& answer) {
  const auto ended = waiting_.extract(what);
  give_up_.erase(what);
  if (give_up_.empty() && timer_ != 0)
    g_source_remove(std::exchange(timer_, 0));
  if (ended.empty()) return;
  for (const Message& message : ended.mapped()) {
    answer(message.get());
    soup_server_message_unpause(message.get());
  }
}

}  // namespace preview
