// How long a test waits for what must come. Only what hangs takes so long, on
// the busiest machine too; nothing is ever measured by it.
#pragma once

#include <gst/gst.h>

namespace tae_test {

inline constexpr GstClockTime kPatience = 300 * GST_SECOND;

// Whether the condition comes true.
template <typename Condition>
bool Eventually(const Condition& condition) {
  const gint64 until = g_get_monotonic_time() + GST_TIME_AS_USECONDS(kPatience);
  while (!condition()) {
    if (g_get_monotonic_time() > until) return false;
    g_usleep(5000);
  }
  return true;
}

}  // namespace tae_test
