// From any thread to the main one, which owns everything but the pipeline.
#pragma once

#include <glib.h>

#include <functional>
#include <utility>

namespace preview {

// Runs `task` on the main thread, later, in the order of the calls.
inline void PostToMain(std::function<void()> task) {
  using Task = std::function<void()>;
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(
      source,
      [](gpointer data) -> gboolean {
        (*static_cast<Task*>(data))();
        return G_SOURCE_REMOVE;
      },
      new Task(std::move(task)),
      [](gpointer data) { delete static_cast<Task*>(data); });
  g_source_attach(source, nullptr);
  g_source_unref(source);
}

}  // namespace preview
