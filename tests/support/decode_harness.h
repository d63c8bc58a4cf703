// taedecode between two pads that a test holds, its messages collected.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "common/gst_ptr.h"
#include "common/latent_meta.h"
#include "support/patience.h"

namespace tae_test {

using taegst::GstPtr;

struct LatentShape {
  int channels = 32;
  int height = 3;
  int width = 4;
  int scalars() const { return channels * height * width; }
};

inline std::string LatentCaps(LatentShape shape,
                              const std::string& more = "variant=flux2") {
  return "video/x-latent,format=F32LE,channels=" +
         std::to_string(shape.channels) +
         ",latent-height=" + std::to_string(shape.height) +
         ",latent-width=" + std::to_string(shape.width) + ",framerate=10/1," +
         more;
}

// A smooth latent, different for each seed.
inline std::vector<float> LatentValues(LatentShape shape, int seed = 0) {
  std::vector<float> values(shape.scalars());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = 1.5f * std::sin(0.37f * float(i) + float(seed));
  return values;
}

inline GstBuffer* BufferOf(const std::vector<float>& values, int index) {
  const size_t size = values.size() * sizeof(float);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  gst_buffer_fill(buffer, 0, values.data(), size);
  GST_BUFFER_PTS(buffer) = index * 100 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 100 * GST_MSECOND;
  return buffer;
}

inline GstBuffer* LatentBuffer(LatentShape shape, int index) {
  return BufferOf(LatentValues(shape, index), index);
}

inline std::vector<uint8_t> BytesOf(GstBuffer* buffer) {
  const taegst::ReadMap map(buffer);
  const auto* data = static_cast<const uint8_t*>(map.data());
  return {data, data + map.size()};
}

class DecodeHarness {
 public:
  explicit DecodeHarness(
      const std::string& element = "taedecode variant=flux2 method=linear",
      const std::string& sink_caps = "video/x-raw,format=RGB")
      : bus_(gst_bus_new()) {
    const GstPtr<GstElement> decoder(GST_ELEMENT(
        gst_object_ref_sink(gst_parse_launch(element.c_str(), nullptr))));
    h = gst_harness_new_with_element(decoder.get(), "sink", "src");
    gst_element_set_bus(decoder.get(), bus_);
    SetLive(false);
    if (!sink_caps.empty()) gst_harness_set_sink_caps_str(h, sink_caps.c_str());
    gst_harness_play(h);
  }
  ~DecodeHarness() {
    gst_element_set_bus(decoder(), nullptr);
    gst_object_unref(bus_);
    gst_harness_teardown(h);
  }
  DecodeHarness(const DecodeHarness&) = delete;
  DecodeHarness& operator=(const DecodeHarness&) = delete;

  GstElement* decoder() { return h->element; }

  // Whether latents come from a live source; a file is none.
  void SetLive(bool live) { gst_harness_set_live(h, live); }

  void SetCaps(const std::string& caps) {
    gst_harness_set_src_caps_str(h, caps.c_str());
  }
  GstFlowReturn Push(GstBuffer* buffer) { return gst_harness_push(h, buffer); }
  GstPtr<GstBuffer> TryPull() {
    return GstPtr<GstBuffer>(gst_harness_try_pull(h));
  }
  // The next message of these types, or null.
  GstPtr<GstMessage> Message(GstMessageType types) {
    return GstPtr<GstMessage>(gst_bus_pop_filtered(bus_, types));
  }
  guint64 Stat(const char* field) {
    GstStructure* stats = nullptr;
    g_object_get(decoder(), "stats", &stats, nullptr);
    guint64 value = 0;
    EXPECT_TRUE(gst_structure_get_uint64(stats, field, &value)) << field;
    gst_structure_free(stats);
    return value;
  }
  GstPtr<GstCaps> OutputCaps() {
    return GstPtr<GstCaps>(gst_pad_get_current_caps(h->sinkpad));
  }

  GstHarness* h;

 private:
  GstBus* bus_;
};

struct PostedError {
  GQuark domain = 0;
  int code = 0;
  std::string text;
};

inline PostedError ErrorOf(GstMessage* message) {
  if (message == nullptr) return {};
  GError* error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, nullptr);
  else
    gst_message_parse_warning(message, &error, nullptr);
  PostedError posted{error->domain, error->code, error->message};
  g_error_free(error);
  return posted;
}

}  // namespace tae_test
