// The sockets that wait for producers.
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "latentsrc/descriptor.h"
#include "tae/status.h"

namespace taegst {

struct UnrefObject {
  void operator()(void* object) const { g_object_unref(object); }
};
template <typename T>
using ObjectPtr = std::unique_ptr<T, UnrefObject>;

// "unix:", "unix:/path", "tcp://host:port", "-": a place to listen at, not a
// file.
bool IsStreamLocation(const std::string& location);

class Listener {
 public:
  // unix: the socket file of a program that is gone is replaced, and is ours
  // alone to use (mode 0600); without a path it is the user's own, as
  // DefaultSocket. tcp: all addresses of the host's name, as far as this
  // machine has them; loopback addresses only, unless allow_remote is set, for
  // anyone who reaches the port may then send. `warn` is called for an address
  // that cannot be listened at while another one can.
  // Errors: kInvalidArgument (what is wrong with the location), kUnreadable
  // (the system refused).
  static tae::StatusOr<std::unique_ptr<Listener>> Open(
      const std::string& location, bool allow_remote,
      const std::function<void(const tae::Status&)>& warn);
  // Removes the socket file.
  ~Listener();

  // One descriptor a socket, at least one.
  std::vector<int> fds() const;

  // Whether a program waits to be let in.
  bool SomebodyWaits() const;

  // A connection, not blocking. Without one, *error is 0 where nobody waits,
  // else the errno of why whoever waits cannot be let in.
  Descriptor Accept(int* error) const;

  // As a producer names it: tcp port 0 is replaced by the port that was given,
  // unix: without a path by the path.
  const std::string& address() const { return address_; }

 private:
  Listener() = default;
  tae::Status OpenUnix(const std::string& path);
  tae::Status OpenTcp(const std::string& location, bool allow_remote,
                      const std::function<void(const tae::Status&)>& warn);

  std::vector<ObjectPtr<GSocket>> sockets_;
  std::string path_;  // to remove, while it is this file
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::string address_;
};

}  // namespace taegst
