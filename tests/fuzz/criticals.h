// A GLib CRITICAL ends the fuzzer by SIGABRT, of which libFuzzer keeps the
// input; GLib itself would raise SIGTRAP, of which it knows nothing.
#pragma once

#include <glib.h>

#include <cstdlib>

namespace tae_fuzz {

inline bool criticals_are_fatal = true;

inline void WatchCriticals() {
  g_log_set_writer_func(
      [](GLogLevelFlags level, const GLogField* fields, gsize count, gpointer) {
        const GLogWriterOutput written =
            g_log_writer_standard_streams(level, fields, count, nullptr);
        if ((level & G_LOG_LEVEL_CRITICAL) != 0 && criticals_are_fatal) abort();
        return written;
      },
      nullptr, nullptr);
}

}  // namespace tae_fuzz
