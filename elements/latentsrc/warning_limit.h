// A bound on how many warnings a stream of rubbish can cause.
#pragma once

#include <glib.h>

#include <algorithm>
#include <utility>

namespace taegst {

// Twenty at once, then one a second. Not thread-safe.
class WarningLimit {
 public:
  // Whether another warning may be posted now (g_get_monotonic_time()); else it
  // is counted.
  bool Allow(gint64 now) {
    left_ = std::min(kMost, left_ + double(now - last_) / G_USEC_PER_SEC);
    last_ = now;
    if (left_ < 1) {
      ++withheld_;
      return false;
    }
    left_ -= 1;
    return true;
  }

  // How many were not allowed since the last call.
  guint64 TakeWithheld() { return std::exchange(withheld_, 0); }

 private:
  static constexpr double kMost = 20;
  double left_ = kMost;
  gint64 last_ = 0;
  guint64 withheld_ = 0;
};

}  // namespace taegst
