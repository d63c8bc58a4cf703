// Places that clients take, so shared out that no address has all of them: one
// of another machine gets a quarter, all of them together three quarters. The
// rest is this machine's, whose viewers may also come through `ssh -L`.
// Threads: the main one.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace preview {

class Shares {
 public:
  // Gives the place back when it is destroyed, also after the Shares are gone.
  using Place = std::shared_ptr<void>;

  // Why there is no place.
  enum class Full { kNo, kAddress, kRemote, kAll };

  explicit Shares(size_t most) : most_(most) {}

  Full FullFor(const std::string& address) const;
  // Null where it is full. `address`: an IP address; "" is this machine's.
  Place Take(const std::string& address);

  size_t taken() const { return taken_->all; }

  // "127.0.0.1", "::1" and others that never leave this machine.
  static bool IsLoopback(const std::string& address);

 private:
  struct Taken {
    size_t all = 0;
    size_t remote = 0;
    std::map<std::string, size_t> by_address;  // remote ones
  };

  const size_t most_;
  const std::shared_ptr<Taken> taken_ = std::make_shared<Taken>();
};

}  // namespace preview
