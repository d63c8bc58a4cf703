// main() of the element tests: GStreamer around GoogleTest, and a leak that the
// leaks tracer finds (GST_TRACERS=leaks) is a failure.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

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

}  // namespace

int main(int argc, char** argv) {
  g_log_set_writer_func(WatchLog, nullptr, nullptr);
  gst_init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  const int result = RUN_ALL_TESTS();
  gst_deinit();
  if (leaked) fprintf(stderr, "GStreamer objects leaked\n");
  return result != 0 || leaked ? 1 : 0;
}
