// Anytime: several frames a latent, each better, none after its time.
#include <algorithm>
#include <random>
#include <set>
#include <thread>

#include "support/decode_harness.h"
#include "support/temp_folder.h"

namespace tae_test {
namespace {

// Large enough that a picture can be interrupted.
constexpr LatentShape kShape{32, 64, 64};

GstBuffer* StepBuffer(guint step, bool final = false,
                      LatentShape shape = kShape) {
  GstBuffer* buffer = LatentBuffer(shape, static_cast<int>(step));
  taegst::LatentStep meta;
  meta.step = step;
  meta.final = final;
  taegst::SetLatentStep(buffer, meta);
  return buffer;
}

struct Seen {
  guint step = 0;
  std::string rung;
  GstClockTime pts = 0;
  GstClockTime end = 0;
  std::vector<uint8_t> bytes;
};

Seen SeenOf(GstBuffer* frame) {
  const auto step = taegst::GetLatentStep(frame);
  EXPECT_TRUE(step);
  return {.step = step->step.value_or(0),
          .rung = step->rung,
          .pts = GST_BUFFER_PTS(frame),
          .end = GST_BUFFER_PTS(frame) + GST_BUFFER_DURATION(frame),
          .bytes = BytesOf(frame)};
}

class AnytimeHarness : public DecodeHarness {
 public:
  explicit AnytimeHarness(const std::string& more = "")
      : DecodeHarness("taedecode variant=flux2 anytime=true " + more) {
    SetCaps(LatentCaps(kShape));
  }
  void EndOfStream() { gst_harness_push_event(h, gst_event_new_eos()); }
  // Waits for the next frame.
  Seen Pull() {
    const GstPtr<GstBuffer> frame(gst_harness_pull(h));
    EXPECT_NE(frame, nullptr);
    return frame != nullptr ? SeenOf(frame.get()) : Seen{};
  }
  std::vector<Seen> Rest() {
    std::vector<Seen> seen;
    while (auto frame = TryPull()) seen.push_back(SeenOf(frame.get()));
    return seen;
  }
};

std::vector<uint8_t> BestPicture(guint step) {
  DecodeHarness harness("taedecode variant=flux2 method=builtin");
  harness.SetCaps(LatentCaps(kShape));
  harness.Push(StepBuffer(step));
  return BytesOf(harness.TryPull().get());
}

TEST(Anytime, ALatentShowsAtOnceAndThenBetter) {
  AnytimeHarness harness;
  ASSERT_EQ(harness.Push(StepBuffer(1)), GST_FLOW_OK);
  const Seen first = harness.Pull();
  EXPECT_EQ(first.rung, "linear");
  EXPECT_EQ(first.pts, 100 * GST_MSECOND);
  const Seen second = harness.Pull();
  EXPECT_EQ(second.rung, "builtin");
  EXPECT_EQ(second.step, 1u);
  EXPECT_GT(second.pts, first.pts);
  EXPECT_LE(second.end, 200 * GST_MSECOND);
  EXPECT_EQ(second.bytes, BestPicture(1));
  harness.EndOfStream();
  EXPECT_TRUE(harness.Rest().empty());
  EXPECT_EQ(harness.Stat("decoded"), 1u);
  EXPECT_EQ(harness.Stat("refined"), 1u);
}

TEST(Anytime, FirstPictureIsTheBestThatFitsMaxLatency) {
  AnytimeHarness harness("max-latency=60000000000");
  harness.Push(StepBuffer(1));
  EXPECT_EQ(harness.Pull().rung, "linear") << "nothing is measured yet";
  EXPECT_EQ(harness.Pull().rung, "builtin");
  harness.Push(StepBuffer(2));
  EXPECT_EQ(harness.Pull().rung, "builtin");
  harness.EndOfStream();
  EXPECT_TRUE(harness.Rest().empty());
}

// As fast as they can be pushed: steps never go back, every latent is shown,
// and the last one ends on the best rung.
TEST(Anytime, NewerLatentsInterruptAndTheLastIsTheBest) {
  AnytimeHarness harness("max-latency=0");
  for (guint step = 1; step <= 20; ++step)
    ASSERT_EQ(harness.Push(StepBuffer(step)), GST_FLOW_OK);
  harness.EndOfStream();
  const auto seen = harness.Rest();
  std::set<guint> steps;
  for (size_t i = 0; i < seen.size(); ++i) {
    steps.insert(seen[i].step);
    if (i == 0) continue;
    EXPECT_GE(seen[i].step, seen[i - 1].step);
    EXPECT_GT(seen[i].pts, seen[i - 1].pts);
  }
  EXPECT_EQ(steps.size(), 20u);
  EXPECT_EQ(seen.back().rung, "builtin");
  EXPECT_EQ(seen.back().bytes, BestPicture(20));
}

TEST(Anytime, NoShareOfTheCpuRefinesTheLastOnly) {
  AnytimeHarness harness("max-latency=0 cpu-share=0");
  harness.Push(StepBuffer(1));
  harness.Push(StepBuffer(2));
  // As long as a refinement of the second one would take, and more.
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(BestPicture(2).empty());
  EXPECT_EQ(harness.Rest().size(), 2u);
  EXPECT_EQ(harness.Stat("refined"), 0u);
  harness.EndOfStream();
  const auto rest = harness.Rest();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].step, 2u);
  EXPECT_EQ(rest[0].rung, "builtin");
}

TEST(Anytime, TheFinalLatentIsFinishedBeforeTheNextGeneration) {
  AnytimeHarness harness("max-latency=0 cpu-share=0");
  harness.Push(StepBuffer(1));
  harness.Push(StepBuffer(2, true));
  harness.Push(StepBuffer(3));
  const auto seen = harness.Rest();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[2].step, 2u);
  EXPECT_EQ(seen[2].rung, "builtin");
  EXPECT_EQ(seen[3].step, 3u);
}

TEST(Anytime, ARepeatedLatentAddsNoFrameAndDisturbsNothing) {
  AnytimeHarness harness("max-latency=0");
  GstBuffer* latent = StepBuffer(1);
  for (int i = 0; i < 5; ++i) {
    GstBuffer* again = gst_buffer_copy_deep(latent);
    GST_BUFFER_PTS(again) += i * 100 * GST_MSECOND;
    ASSERT_EQ(harness.Push(again), GST_FLOW_OK);
  }
  gst_buffer_unref(latent);
  EXPECT_EQ(harness.Stat("skipped"), 4u);
  harness.Push(StepBuffer(2));
  harness.EndOfStream();
  const auto seen = harness.Rest();
  ASSERT_GE(seen.size(), 3u);
  EXPECT_LE(seen.size(), 4u);
  EXPECT_EQ(seen[0].step, 1u);
  EXPECT_EQ(seen.back().step, 2u);
  EXPECT_EQ(seen.back().rung, "builtin");
}

// What was shown of it is only the rung that comes at once.
TEST(Anytime, APictureThatWasNotRefinedIsNotRepeatedAsItIs) {
  AnytimeHarness harness("max-latency=0 cpu-share=0 change-threshold=0.5");
  harness.Push(StepBuffer(1));
  GstBuffer* same = LatentBuffer(kShape, 1);
  GST_BUFFER_PTS(same) = 200 * GST_MSECOND;
  taegst::LatentStep meta;
  meta.step = 2;
  taegst::SetLatentStep(same, meta);
  harness.Push(same);
  EXPECT_EQ(harness.Stat("decoded"), 2u);
  EXPECT_EQ(harness.Stat("repeated"), 0u);
  harness.EndOfStream();
  const auto seen = harness.Rest();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[2].rung, "builtin");
  EXPECT_EQ(seen[2].step, 2u);
}

TEST(Anytime, NewCapsFinishTheOldPictureFirst) {
  AnytimeHarness harness("max-latency=0 cpu-share=0");
  harness.Push(StepBuffer(1));
  constexpr LatentShape kSmall{32, 8, 8};
  harness.SetCaps(LatentCaps(kSmall));
  harness.Push(StepBuffer(2, false, kSmall));
  harness.EndOfStream();
  const auto seen = harness.Rest();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[1].rung, "builtin");
  EXPECT_EQ(seen[1].bytes.size(), seen[0].bytes.size());
  EXPECT_EQ(seen[3].rung, "builtin");
  EXPECT_EQ(seen[3].bytes.size(), 64u * 64 * 3);
}

TEST(Anytime, ARecordingOrAFixedRungShowsEachLatentOnce) {
  for (const char* how : {"taedecode variant=flux2",
                          "taedecode variant=flux2 anytime=true "
                          "quality=linear"}) {
    DecodeHarness harness(how);
    harness.SetCaps(LatentCaps(kShape));
    for (guint step = 1; step <= 3; ++step) harness.Push(StepBuffer(step));
    gst_harness_push_event(harness.h, gst_event_new_eos());
    int frames = 0;
    while (harness.TryPull()) ++frames;
    EXPECT_EQ(frames, 3) << how;
  }
}

TEST(Anytime, EachFramePostsItsRung) {
  AnytimeHarness harness("post-messages=true");
  harness.Push(StepBuffer(5));
  harness.EndOfStream();
  for (const char* rung : {"linear", "builtin"}) {
    const auto message = harness.Message(GST_MESSAGE_ELEMENT);
    ASSERT_NE(message, nullptr);
    const GstStructure* s = gst_message_get_structure(message.get());
    EXPECT_STREQ(gst_structure_get_string(s, "rung"), rung);
    guint step = 0;
    EXPECT_TRUE(gst_structure_get_uint(s, "step", &step));
    EXPECT_EQ(step, 5u);
  }
}

TEST(Anytime, FlushDropsWhatIsBeingRefined) {
  AnytimeHarness harness;
  for (int i = 0; i < 20; ++i) {
    harness.Push(StepBuffer(1));
    if (i % 2 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(i % 7));
    gst_harness_push_event(harness.h, gst_event_new_flush_start());
    gst_harness_push_event(harness.h, gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(harness.h, gst_event_new_segment(&segment));
  }
  harness.Rest();
  ASSERT_EQ(harness.Push(StepBuffer(2)), GST_FLOW_OK);
  harness.EndOfStream();
  const auto seen = harness.Rest();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().rung, "builtin");
  EXPECT_EQ(seen.back().bytes, BestPicture(2));
}

// Frames, caps, events, queries and state changes in a seeded order.
TEST(Anytime, SurvivesWhateverComesAtAnyTime) {
  AnytimeHarness harness;
  std::mt19937 random(7);
  LatentShape shape = kShape;
  for (guint i = 0; i < 200; ++i) {
    switch (random() % 8) {
      case 0:
        shape = {32, 8 + int(random() % 40), 8 + int(random() % 40)};
        harness.SetCaps(LatentCaps(shape));
        break;
      case 1:
        gst_harness_push_event(harness.h,
                               gst_event_new_gap(0, 10 * GST_MSECOND));
        break;
      case 2:
        gst_harness_push_upstream_event(harness.h, gst_event_new_reconfigure());
        break;
      case 3:
        harness.Rest();
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 10));
        break;
      default:
        EXPECT_EQ(harness.Push(StepBuffer(i + 1, random() % 5 == 0, shape)),
                  GST_FLOW_OK);
    }
  }
  EXPECT_EQ(harness.Push(StepBuffer(1000, false, shape)), GST_FLOW_OK);
  harness.EndOfStream();
  const auto seen = harness.Rest();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().step, 1000u);
  EXPECT_EQ(seen.back().rung, "builtin");
}

TEST(Anytime, StopsInTheMiddleOfAPicture) {
  for (int i = 0; i < 30; ++i) {
    AnytimeHarness harness;
    harness.Push(StepBuffer(1));
    if (i % 3 != 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(i % 10));
    gst_element_set_state(harness.decoder(), GST_STATE_NULL);
  }
}

GstPtr<GstElement> Launch(const std::string& line) {
  return GstPtr<GstElement>(GST_ELEMENT(
      gst_object_ref_sink(gst_parse_launch(line.c_str(), nullptr))));
}

// Until the end of the stream; false where it does not come.
bool Ends(GstElement* pipeline) {
  const GstPtr<GstBus> bus(gst_element_get_bus(pipeline));
  const GstPtr<GstMessage> message(gst_bus_timed_pop_filtered(
      bus.get(), kPatience,
      GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  return message != nullptr &&
         GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS;
}

// An accurate seek into a latent's time: the base class moves its first picture
// to the seek's place, and those that are better come after it.
TEST(Anytime, BetterPicturesAreInTheSegment) {
  AnytimeHarness harness;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = 50 * GST_MSECOND;
  gst_harness_push_event(harness.h, gst_event_new_segment(&segment));
  EXPECT_EQ(harness.Push(StepBuffer(0)), GST_FLOW_OK);
  harness.EndOfStream();
  const auto seen = harness.Rest();
  ASSERT_GT(seen.size(), 1u);
  EXPECT_EQ(seen[0].pts, 50 * GST_MSECOND);
  for (size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GE(seen[i].pts, seen[i - 1].pts);
    EXPECT_EQ(seen[i].end, 100 * GST_MSECOND);
  }
}

// Flushing seeks to any place, while pictures wait for the sink's clock.
TEST(Anytime, SeeksInARecordingEndAtItsEnd) {
  const tae::TempFolder folder;
  const std::string file = folder.path() + "/run.safetensors";
  auto pipeline = Launch(
      "latentsrc num-buffers=12 ! latentmux ! filesink location=" + file);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  ASSERT_TRUE(Ends(pipeline.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  for (const char* queue : {"", "queue max-size-buffers=1 ! "}) {
    pipeline = Launch("filesrc location=" + file +
                      " ! latentparse ! taedecode anytime=true ! " + queue +
                      "fakesink sync=true");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    std::mt19937 random(11);
    for (int i = 0; i < 12; ++i) {
      gst_element_get_state(pipeline.get(), nullptr, nullptr, kPatience);
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
      gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                              GST_SEEK_FLAG_FLUSH,
                              random() % 10 * 100 * GST_MSECOND);
    }
    EXPECT_TRUE(Ends(pipeline.get())) << queue;
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
}

// A sink that keeps time, a queue that is full: nobody waits for ever.
TEST(Anytime, PipelineWithAQueueAndAClockEnds) {
  const auto pipeline = Launch(
      "latentsrc num-buffers=10 ! taedecode anytime=true ! "
      "queue max-size-buffers=1 ! fakesink sync=true");
  for (int round = 0; round < 3; ++round) {
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    if (round < 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
    } else {
      EXPECT_TRUE(Ends(pipeline.get()));
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
}

}  // namespace
}  // namespace tae_test
