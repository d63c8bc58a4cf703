#include "shares.h"

#include <algorithm>

namespace preview {

bool Shares::IsLoopback(const std::string& address) {
  return address.empty() || address == "::1" || address.starts_with("127.");
}

Shares::Full Shares::FullFor(const std::string& address) const {
  if (!IsLoopback(address)) {
    const auto own = taken_->by_address.find(address);
    const size_t count = own != taken_->by_address.end() ? own->second : 0;
    if (count >= std::max<size_t>(1, most_ / 4)) return Full::kAddress;
    if (taken_->remote >= most_ - most_ / 4) return Full::kRemote;
  }
  return taken_->all >= most_ ? Full::kAll : Full::kNo;
}

Shares::Place Shares::Take(const std::string& address) {
  if (FullFor(address) != Full::kNo) return nullptr;
  ++taken_->all;
  const bool remote = !IsLoopback(address);
  if (remote) {
    ++taken_->remote;
    ++taken_->by_address[address];
  }
  return {taken_.get(), [taken = taken_, address, remote](void*) {
            --taken->all;
            if (!remote) return;
            --taken->remote;
            const auto own = taken->by_address.find(address);
            if (--own->second == 0) taken->by_address.erase(own);
          }};
}

}  // namespace preview
