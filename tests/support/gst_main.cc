// main() of the element tests: GStreamer around GoogleTest, and a leak that the
// leaks tracer finds (GST_TRACERS=leaks) is a failure. So is a tracer that was
// asked for and is not there: it would find nothing.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "support/run_tests.h"

namespace {

std::atomic<bool> leaked{false};

GLogWriterOutput WatchLog(GLogLevelFlags level, const GLogField* fields,
                          gsize count, gpointer data) {
  for (gsize i = 0; i < count; ++i)
    if (strcmp(fields[i].key, "MESSAGE") == 0 &&
        strstr(static_cast<const char*>(fields[i].value), "Leaks detected"))
      leaked = true;
  return g_log_writer_default(level, fields, count, data);
}

// Whether the tracer that GST_TRACERS asks for watches.
bool TracerWatches() {
  const char* wanted = g_getenv("GST_TRACERS");
  if (wanted == nullptr || strstr(wanted, "leaks") == nullptr) return true;
  bool found = false;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* i = tracers; i != nullptr; i = i->next)
    found = found || strcmp(G_OBJECT_TYPE_NAME(i->data), "GstLeaksTracer") == 0;
  g_list_free_full(tracers, gst_object_unref);
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  g_log_set_writer_func(WatchLog, nullptr, nullptr);
  gst_init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  const bool watched = TracerWatches();
  if (!watched) fprintf(stderr, "GStreamer's leaks tracer is not active\n");
  const int result = tae::testing::RunTests();
  gst_deinit();
  if (leaked) fprintf(stderr, "GStreamer objects leaked\n");
  return leaked || !watched ? 1 : result;
}
