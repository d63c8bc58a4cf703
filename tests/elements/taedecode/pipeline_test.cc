// taedecode in whole pipelines, and under a storm of random changes.
#include <gst/app/gstappsrc.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "support/decode_harness.h"
#include "tae/decoder.h"
#include "tae/variant.h"

namespace tae_test {
namespace {

struct Outcome {
  bool eos = false;
  std::string error;
};

// Waits for the end of a pipeline that plays, and stops it.
Outcome End(GstElement* pipeline) {
  GstBus* bus = gst_element_get_bus(pipeline);
  const GstPtr<GstMessage> message(gst_bus_timed_pop_filtered(
      bus, kPatience, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  Outcome outcome;
  if (message != nullptr && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS)
    outcome.eos = true;
  else
    outcome.error = message ? ErrorOf(message.get()).text : "timeout";
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  return outcome;
}

Outcome RunWhole(const std::string& description) {
  const GstPtr<GstElement> pipeline(
      gst_parse_launch(description.c_str(), nullptr));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  return End(pipeline.get());
}

// Runs `appsrc ! DESCRIPTION` over five latents.
Outcome RunLatents(const std::string& description) {
  const std::string caps = LatentCaps({});
  GError* parse_error = nullptr;
  const GstPtr<GstElement> pipeline(gst_parse_launch(
      ("appsrc name=latents format=time caps=\"" + caps + "\" ! " + description)
          .c_str(),
      &parse_error));
  EXPECT_EQ(parse_error, nullptr) << parse_error->message;
  const GstPtr<GstElement> source(
      gst_bin_get_by_name(GST_BIN(pipeline.get()), "latents"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  for (int i = 0; i < 5; ++i)
    gst_app_src_push_buffer(GST_APP_SRC(source.get()), LatentBuffer({}, i));
  gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
  return End(pipeline.get());
}

bool HasElement(const char* name) {
  GstElementFactory* factory = gst_element_factory_find(name);
  if (factory != nullptr) gst_object_unref(factory);
  return factory != nullptr;
}

TEST(Pipeline, LinksWithoutAConverter) {
  const std::string decode = "taedecode variant=flux2 method=linear ! ";
  for (const char* sink :
       {"fakesink", "fakevideosink sync=false", "jpegenc ! fakesink",
        "pngenc ! fakesink", "video/x-raw,format=I420 ! fakesink",
        "video/x-raw,format=BGRx ! fakesink",
        "video/x-raw,format=P010_10LE ! fakesink",
        "identity drop-allocation=true ! jpegenc ! fakesink",
        ("queue ! videoconvert ! videoscale ! "
         "video/x-raw,width=50,height=50,format=I420 ! fakesink"),
        "vp8enc ! webmmux ! fakesink", "y4menc ! fakesink"}) {
    const std::string name(sink, strcspn(sink, " "));
    if (name.find('/') == std::string::npos && !HasElement(name.c_str()))
      continue;
    const Outcome outcome = RunLatents(decode + sink);
    EXPECT_TRUE(outcome.eos) << sink << ": " << outcome.error;
  }
}

// Every space that the demo can show, in a format that shares chroma.
TEST(Pipeline, EverySpaceShowsItsDemo) {
  int shown = 0;
  for (const tae::VariantInfo& space : tae::Variants()) {
    if (!tae::LinearModel(space.name).ok()) continue;
    ++shown;
    const Outcome outcome = RunWhole(
        "latentsrc num-buffers=2 width=72 height=40 "
        "variant=" +
        std::string(space.name) +
        " ! taedecode method=linear ! "
        "video/x-raw,format=I420 ! fakesink");
    EXPECT_TRUE(outcome.eos) << space.name << ": " << outcome.error;
  }
  EXPECT_GT(shown, 5);
}

TEST(Pipeline, LatentsAreDecodedByAutoplugging) {
  for (const char* bin : {"decodebin", "decodebin3"}) {
    const Outcome outcome =
        RunLatents(std::string(bin) + " ! video/x-raw ! fakesink");
    EXPECT_TRUE(outcome.eos) << bin << ": " << outcome.error;
  }
}

TEST(Pipeline, RealWeightsGiveTheSamePictureInEveryThreadCount) {
  const char* root = std::getenv("TAE_SHARED");
  const std::string file = std::string(root != nullptr ? root : "../shared") +
                           "/weights/taef2_decoder.safetensors";
  if (!std::filesystem::exists(file))
    GTEST_SKIP() << "needs " << file << ", see TAE_SHARED";
  std::vector<uint8_t> first;
  for (const char* threads : {"1", "2", "5"}) {
    DecodeHarness harness("taedecode method=tae n-threads=" +
                          std::string(threads) + " model-file=" + file);
    harness.SetCaps(LatentCaps({32, 8, 8}, "layout=nchw"));
    ASSERT_EQ(harness.Push(LatentBuffer({32, 8, 8}, 1)), GST_FLOW_OK);
    const auto picture = BytesOf(harness.TryPull().get());
    if (first.empty()) first = picture;
    EXPECT_EQ(picture, first) << threads;
  }
}

void Flush(GstHarness* h) {
  gst_harness_push_event(h, gst_event_new_flush_start());
  gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(h, gst_event_new_segment(&segment));
}

// Any order of caps, flushes, gaps, broken buffers, format changes: each good
// latent still gives a flow of OK, and the pictures that come are whole.
void ChangeAtRandom(const std::string& element) {
  std::mt19937 random(7);
  const auto one_of = [&](int n) { return int(random() % n); };
  constexpr const char* kFormats[] = {"RGB", "I420", "BGRx", "Y444", "GRAY8"};
  DecodeHarness harness(element);
  LatentShape shape{32, 2, 2};
  harness.SetCaps(LatentCaps(shape));
  for (int i = 0; i < 1000; ++i) {
    switch (one_of(8)) {
      case 0:
        shape = {32, 1 + one_of(6), 1 + one_of(6)};
        harness.SetCaps(LatentCaps(shape));
        break;
      case 1:
        Flush(harness.h);
        break;
      case 2:
        gst_harness_push_event(harness.h,
                               gst_event_new_gap(i * GST_MSECOND, GST_MSECOND));
        break;
      case 3:
        harness.Push(BufferOf(std::vector<float>(one_of(9)), i));
        break;
      case 4:
        gst_harness_set_sink_caps_str(
            harness.h,
            ("video/x-raw,format=" + std::string(kFormats[one_of(5)])).c_str());
        gst_harness_push_upstream_event(harness.h, gst_event_new_reconfigure());
        break;
      case 5:
        gst_harness_push_upstream_event(
            harness.h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1,
                                         one_of(100) * GST_MSECOND,
                                         i * 100 * GST_MSECOND));
        break;
      default:
        ASSERT_EQ(harness.Push(LatentBuffer(shape, i)), GST_FLOW_OK) << i;
    }
    while (harness.TryPull() != nullptr) {
    }
  }
  EXPECT_GT(harness.Stat("decoded"), 50u);
}

TEST(Stress, RandomChanges) {
  ChangeAtRandom("taedecode variant=flux2 method=linear every=2");
}

TEST(Stress, RandomChangesWhilePicturesRepeat) {
  ChangeAtRandom(
      "taedecode variant=flux2 method=linear change-threshold=2 denoise=on "
      "post-messages=true");
}

// At every moment of a decode, with and without pictures that get better.
void ChangeStatesWhileLatentsFlow(const std::string& more) {
  constexpr LatentShape kShape{32, 16, 16};
  constexpr int kRounds = 60;
  DecodeHarness harness("taedecode variant=flux2 " + more);
  std::atomic<bool> stop{false};
  std::atomic<int> taken{0};
  std::thread pushes([&] {
    const GstPtr<GstCaps> caps(
        gst_caps_from_string(LatentCaps(kShape).c_str()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    for (int i = 0; !stop; ++i) {
      // An element that was stopped has forgotten them.
      gst_pad_push_event(harness.h->srcpad, gst_event_new_stream_start("s"));
      gst_pad_push_event(harness.h->srcpad, gst_event_new_caps(caps.get()));
      gst_pad_push_event(harness.h->srcpad, gst_event_new_segment(&segment));
      if (harness.Push(LatentBuffer(kShape, i)) == GST_FLOW_OK) ++taken;
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    // At once, or when latents flow again.
    const int before = taken;
    if (round % 2 != 0) EXPECT_TRUE(Eventually([&] { return taken > before; }));
    const GstState state = std::array{GST_STATE_NULL, GST_STATE_READY,
                                      GST_STATE_PAUSED}[round % 3];
    gst_element_set_state(harness.decoder(), state);
    gst_element_set_state(harness.decoder(), GST_STATE_PLAYING);
    while (harness.TryPull() != nullptr) {
    }
  }
  stop = true;
  pushes.join();
}

TEST(Stress, StateChangesWhileLatentsFlow) {
  ChangeStatesWhileLatentsFlow("method=linear");
  ChangeStatesWhileLatentsFlow("method=linear denoise=on change-threshold=2");
  ChangeStatesWhileLatentsFlow("anytime=true");
}

}  // namespace
}  // namespace tae_test
