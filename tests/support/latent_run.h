// A short run of latents as GStreamer has them, what latentmux writes of it,
// and pipelines to send either through.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/gst_ptr.h"
#include "common/latent_meta.h"
#include "support/patience.h"

namespace tae_test {

using taegst::GstPtr;

// One buffer with all that must survive a trip.
struct Latent {
  std::vector<uint8_t> bytes;
  std::string caps;
  GstClockTime pts = GST_CLOCK_TIME_NONE;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  taegst::LatentStep step;
  bool discont = false;

  friend bool operator==(const Latent& a, const Latent& b) {
    return a.bytes == b.bytes && a.caps == b.caps && a.pts == b.pts &&
           a.duration == b.duration && a.step == b.step;
  }
};

inline std::vector<uint8_t> BytesOfBuffer(GstBuffer* buffer) {
  std::vector<uint8_t> bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

inline std::string CapsText(GstCaps* caps) {
  return caps ? GstPtr<char>(gst_caps_to_string(caps)).get() : "";
}

inline Latent LatentOf(GstBuffer* buffer, GstCaps* caps) {
  return {
      .bytes = BytesOfBuffer(buffer),
      .caps = CapsText(caps),
      .pts = GST_BUFFER_PTS(buffer),
      .duration = GST_BUFFER_DURATION(buffer),
      .step = taegst::GetLatentStep(buffer).value_or(taegst::LatentStep{}),
      .discont = bool(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT))};
}

// Messages of a pipeline that ends by itself.
struct Outcome {
  bool eos = false;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// Takes the events that wait in the harness; the texts of their tags by name,
// in the order in which they came.
inline std::map<std::string, std::vector<std::string>> TakeTextTags(
    GstHarness* h) {
  std::map<std::string, std::vector<std::string>> found;
  while (GstEvent* event = gst_harness_try_pull_event(h)) {
    const GstPtr<GstEvent> owned(event);
    if (GST_EVENT_TYPE(event) != GST_EVENT_TAG) continue;
    GstTagList* tags = nullptr;
    gst_event_parse_tag(event, &tags);
    for (const char* name :
         {GST_TAG_TITLE, GST_TAG_VIDEO_CODEC, GST_TAG_CONTAINER_FORMAT}) {
      char* text = nullptr;
      if (gst_tag_list_get_string(tags, name, &text))
        found[name].push_back(GstPtr<char>(text).get());
    }
  }
  return found;
}

inline std::string TextOf(GstMessage* message) {
  GError* error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, nullptr);
  else
    gst_message_parse_warning(message, &error, nullptr);
  const std::string text = error->message;
  g_error_free(error);
  return text;
}

// A pipeline from its description, brought to NULL at the end.
class Pipeline {
 public:
  explicit Pipeline(const std::string& description) {
    GError* error = nullptr;
    pipeline_.reset(gst_parse_launch(description.c_str(), &error));
    EXPECT_EQ(error, nullptr) << description << ": " << error->message;
    bus_ = gst_element_get_bus(pipeline_.get());
  }
  ~Pipeline() {
    Stop();
    gst_object_unref(bus_);
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  GstElement* get() { return pipeline_.get(); }
  GstPtr<GstElement> Named(const char* name) {
    return GstPtr<GstElement>(
        gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }
  int Int(const char* name, const char* property) {
    int value = 0;
    g_object_get(Named(name).get(), property, &value, nullptr);
    return value;
  }
  void Play() { gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING); }
  void Pause() {
    gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
    gst_element_get_state(pipeline_.get(), nullptr, nullptr, kPatience);
  }
  void Stop() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

  // Forgets what was said until now.
  void Forget() {
    gst_bus_set_flushing(bus_, TRUE);
    gst_bus_set_flushing(bus_, FALSE);
  }

  // Until EOS or an error; then what had been said.
  Outcome Wait(GstClockTime patience = kPatience) {
    Outcome outcome;
    while (true) {
      const GstPtr<GstMessage> message(gst_bus_timed_pop_filtered(
          bus_, patience,
          GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR |
                         GST_MESSAGE_WARNING)));
      if (!message) {
        outcome.errors.push_back("timeout");
        return outcome;
      }
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_WARNING) {
        outcome.warnings.push_back(TextOf(message.get()));
        continue;
      }
      outcome.eos = GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS;
      if (!outcome.eos) outcome.errors.push_back(TextOf(message.get()));
      return outcome;
    }
  }

  // Until an error says this; false when none does.
  bool WaitForError(const std::string& words) {
    while (true) {
      const GstPtr<GstMessage> message(
          gst_bus_timed_pop_filtered(bus_, kPatience, GST_MESSAGE_ERROR));
      if (!message) return false;
      if (TextOf(message.get()).find(words) != std::string::npos) return true;
    }
  }
  Outcome Run() {
    Play();
    Outcome outcome = Wait();
    Stop();
    return outcome;
  }

 private:
  GstPtr<GstElement> pipeline_;
  GstBus* bus_;
};

// Everything that arrives at `appsink name=out`, or at a player's video-sink,
// in order.
inline void Collect(Pipeline* pipeline, std::vector<Latent>* latents) {
  GstAppSinkCallbacks callbacks = {};
  callbacks.new_sample = [](GstAppSink* sink, gpointer to) {
    GstSample* sample = gst_app_sink_pull_sample(sink);
    static_cast<std::vector<Latent>*>(to)->push_back(
        LatentOf(gst_sample_get_buffer(sample), gst_sample_get_caps(sample)));
    gst_sample_unref(sample);
    return GST_FLOW_OK;
  };
  GstPtr<GstElement> sink = pipeline->Named("out");
  if (!sink) {  // a player takes it in later
    GstElement* of_player = nullptr;
    g_object_get(pipeline->get(), "video-sink", &of_player, nullptr);
    sink.reset(of_player);
  }
  g_object_set(sink.get(), "sync", FALSE, nullptr);
  gst_app_sink_set_callbacks(GST_APP_SINK(sink.get()), &callbacks, latents,
                             nullptr);
}

// Pushes the latents into `appsrc name=in` and ends the stream.
inline void Feed(Pipeline* pipeline, const std::vector<Latent>& latents) {
  const GstPtr<GstElement> source = pipeline->Named("in");
  auto* app = GST_APP_SRC(source.get());
  g_object_set(app, "format", GST_FORMAT_TIME, nullptr);
  for (const Latent& latent : latents) {
    GstBuffer* buffer =
        gst_buffer_new_memdup(latent.bytes.data(), latent.bytes.size());
    GST_BUFFER_PTS(buffer) = latent.pts;
    GST_BUFFER_DURATION(buffer) = latent.duration;
    taegst::SetLatentStep(buffer, latent.step);
    const GstPtr<GstCaps> caps(gst_caps_from_string(latent.caps.c_str()));
    GstSample* sample = gst_sample_new(buffer, caps.get(), nullptr, nullptr);
    gst_buffer_unref(buffer);
    gst_app_src_push_sample(app, sample);
    gst_sample_unref(sample);
  }
  gst_app_src_end_of_stream(app);
}

// What the description's `appsink name=out` gets.
inline std::vector<Latent> Play(const std::string& description,
                                Outcome* outcome = nullptr) {
  std::vector<Latent> latents;
  Pipeline pipeline(description);
  Collect(&pipeline, &latents);
  const Outcome result = pipeline.Run();
  if (outcome != nullptr)
    *outcome = result;
  else
    EXPECT_TRUE(result.eos) << description << ": "
                            << (result.errors.empty() ? "" : result.errors[0]);
  return latents;
}

// As Play, with latents fed into `appsrc name=in`.
inline std::vector<Latent> Through(const std::vector<Latent>& latents,
                                   const std::string& description) {
  std::vector<Latent> out;
  Pipeline pipeline(description);
  Collect(&pipeline, &out);
  pipeline.Play();
  Feed(&pipeline, latents);
  const Outcome result = pipeline.Wait();
  EXPECT_TRUE(result.eos) << description << ": "
                          << (result.errors.empty() ? "" : result.errors[0]);
  return out;
}

// A demo generation of `count` latents for pictures of `pixels` squared.
inline std::vector<Latent> DemoLatents(int count, int pixels) {
  const std::string size = std::to_string(pixels);
  return Play("latentsrc num-buffers=" + std::to_string(count) +
              " steps=" + std::to_string(count) + " width=" + size +
              " height=" + size + " ! appsink name=out");
}

// All bytes that latentmux makes of them.
inline std::string Record(const std::vector<Latent>& latents,
                          const std::string& mux = "latentmux") {
  std::string bytes;
  for (const Latent& message :
       Through(latents, "appsrc name=in ! " + mux + " ! appsink name=out"))
    bytes.append(message.bytes.begin(), message.bytes.end());
  return bytes;
}

}  // namespace tae_test
