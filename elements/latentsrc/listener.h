// A socket that waits for producers.
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

#include <memory>
#include <string>

#include "tae/status.h"

namespace taegst {

struct UnrefObject {
  void operator()(void* object) const { g_object_unref(object); }
};
template <typename T>
using ObjectPtr = std::unique_ptr<T, UnrefObject>;

// "unix:/path", "tcp://host:port", "-": a place to listen at, not a file.
bool IsStreamLocation(const std::string& location);

class Listener {
 public:
  // unix: the socket file of a program that is gone is replaced, and is ours
  // alone to use (mode 0600). tcp: loopback addresses; others only with
  // allow_remote, for anyone who reaches the port may then send.
  // Errors: kInvalidArgument (what is wrong with the location), kUnreadable
  // (the system refused).
  static tae::StatusOr<std::unique_ptr<Listener>> Open(
      const std::string& location, bool allow_remote);
  // Removes the socket file.
  ~Listener();

  int fd() const { return g_socket_get_fd(socket_.get()); }
  // A connection, not blocking; null when none waits.
  ObjectPtr<GSocket> Accept();
  // As a producer names it: tcp port 0 is replaced by the port that was given.
  const std::string& address() const { return address_; }

 private:
  Listener() = default;
  tae::Status OpenUnix(const std::string& path);
  tae::Status OpenTcp(const std::string& location, bool allow_remote);
  tae::Status Bind(GSocketAddress* address, const std::string& location);

  ObjectPtr<GSocket> socket_;
  std::string path_;  // to remove, while it is this file
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::string address_;
};

}  // namespace taegst
