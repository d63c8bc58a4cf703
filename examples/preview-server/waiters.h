// Requests for something that is being made: it is made once, however many
// wait for it.
// Threads: the main one.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace preview {

class Waiters {
 public:
  using Answer = std::function<void(SoupServerMessage*)>;

  // Whether somebody waits for it already.
  bool Waits(const std::string& what) const { return waiting_.contains(what); }

  // Holds the request until End().
  void Add(const std::string& what, SoupServerMessage* message) {
    soup_server_message_pause(message);
    waiting_[what].emplace_back(SOUP_SERVER_MESSAGE(g_object_ref(message)),
                                Unref());
  }

  // All who wait get their answer.
  void End(const std::string& what, const Answer& answer) {
    const auto ended = waiting_.extract(what);
    if (ended.empty()) return;
    for (const Message& message : ended.mapped()) {
      answer(message.get());
      soup_server_message_unpause(message.get());
    }
  }

 private:
  struct Unref {
    void operator()(SoupServerMessage* message) const {
      g_object_unref(message);
    }
  };
  using Message = std::unique_ptr<SoupServerMessage, Unref>;

  std::map<std::string, std::vector<Message>> waiting_;
};

}  // namespace preview
