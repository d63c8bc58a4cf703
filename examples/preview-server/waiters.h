// Requests for something that is being made: it is made once, however many
// wait for it, and given up when all of them are gone.
// Threads: the main one.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace preview {

class Waiters {
 public:
  using Answer = std::function<void(SoupServerMessage*)>;

  Waiters() = default;
  ~Waiters();
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  // Whether somebody waits for it already.
  bool Waits(const std::string& what) const { return waiting_.contains(what); }

  // Holds the request until End().
  void Add(const std::string& what, SoupServerMessage* message);

  // Calls `give_up` when all who wait have hung up; Look() is called every
  // second for it.
  void WhenNobodyWaits(const std::string& what, std::function<void()> give_up);
  void Look();

  // All who wait get their answer.
  void End(const std::string& what, const Answer& answer);

 private:
  struct Unref {
    void operator()(SoupServerMessage* message) const {
      g_object_unref(message);
    }
  };
  using Message = std::unique_ptr<SoupServerMessage, Unref>;

  std::map<std::string, std::vector<Message>> waiting_;
  std::map<std::string, std::function<void()>> give_up_;
  guint timer_ = 0;
};

}  // namespace preview
