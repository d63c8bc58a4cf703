// A latentsrc that listens, behind a harness.
#pragma once

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/latent_meta.h"

namespace taegst::testing {

struct Unref {
  void operator()(GstHarness* h) const { gst_harness_teardown(h); }
};
using HarnessPtr = std::unique_ptr<GstHarness, Unref>;

inline HarnessPtr Play(const std::string& launch) {
  HarnessPtr h(gst_harness_new_parse(launch.c_str()));
  gst_harness_set_sink_caps_str(h.get(), "video/x-latent");
  gst_harness_play(h.get());
  return h;
}

inline taegst::LatentStep PullStep(GstHarness* h) {
  GstBuffer* buffer = gst_harness_pull(h);
  EXPECT_NE(buffer, nullptr);
  if (buffer == nullptr) return {};
  const auto step = taegst::GetLatentStep(buffer);
  gst_buffer_unref(buffer);
  return step.value_or(taegst::LatentStep{});
}

inline guint64 Stat(GstElement* element, const char* name) {
  GstStructure* stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, name, &value)) << name;
  gst_structure_free(stats);
  return value;
}

inline GstElement* SourceOf(GstHarness* h) {
  return gst_harness_find_element(h, "latentsrc");
}

inline std::string AddressOf(GstHarness* h) {
  GstElement* source = SourceOf(h);
  GstStructure* stats = nullptr;
  g_object_get(source, "stats", &stats, nullptr);
  const char* address = gst_structure_get_string(stats, "address");
  const std::string text = address ? address : "";
  gst_structure_free(stats);
  gst_object_unref(source);
  return text;
}

// Warnings of a pipeline, taken from its bus.
inline std::vector<std::string> Warnings(GstBus* bus) {
  std::vector<std::string> texts;
  while (GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING)) {
    GError* error = nullptr;
    gst_message_parse_warning(message, &error, nullptr);
    texts.push_back(error->message);
    g_error_free(error);
    gst_message_unref(message);
  }
  return texts;
}

}  // namespace taegst::testing
