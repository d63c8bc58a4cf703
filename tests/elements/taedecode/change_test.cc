// Pictures that are shown again, and what the messages say of a run's progress.
#include <functional>
#include <limits>

#include "support/decode_harness.h"
#include "tae/latent_change.h"

namespace tae_test {
namespace {

constexpr LatentShape kShape{32, 3, 5};
const char* const kElement =
    "taedecode variant=flux2 method=linear post-messages=true";

std::vector<float> Moved(double by) {
  std::vector<float> values(size_t(kShape.scalars()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(1.4 * std::sin(0.37 * double(i) + by));
  return values;
}

GstBuffer* StepBuffer(const std::vector<float>& values, int index,
                      bool final = false, const char* generation = "a") {
  GstBuffer* buffer = BufferOf(values, index);
  taegst::LatentStep step;
  step.step = guint(index + 1);
  step.final = final;
  step.prompt_id = generation;
  taegst::SetLatentStep(buffer, step);
  return buffer;
}

std::string With(double threshold, const std::string& more = "") {
  return std::string(kElement) +
         " change-threshold=" + std::to_string(threshold) + " " + more;
}

// The fields of the next latent-step message.
struct Told {
  std::optional<double> change, accumulated;
  bool repeated = false, converged = false;
};

Told NextMessage(DecodeHarness& harness) {
  const auto message = harness.Message(GST_MESSAGE_ELEMENT);
  Told told;
  EXPECT_NE(message, nullptr);
  if (message == nullptr) return told;
  const GstStructure* s = gst_message_get_structure(message.get());
  double value = 0;
  if (gst_structure_get_double(s, "change", &value)) told.change = value;
  if (gst_structure_get_double(s, "accumulated-change", &value))
    told.accumulated = value;
  gboolean flag = FALSE;
  EXPECT_TRUE(gst_structure_get_boolean(s, "repeated", &flag));
  told.repeated = flag != FALSE;
  EXPECT_TRUE(gst_structure_get_boolean(s, "converged", &flag));
  told.converged = flag != FALSE;
  return told;
}

TEST(ChangeThreshold, EveryLatentGivesAFrameWithItsOwnTimes) {
  DecodeHarness harness(With(.05));
  harness.SetCaps(LatentCaps(kShape));
  std::vector<uint8_t> first;
  for (int i = 0; i < 6; ++i) {
    harness.Push(StepBuffer(Moved(i == 5 ? 1 : 0), i, i == 5));
    const auto frame = harness.TryPull();
    ASSERT_NE(frame, nullptr) << i;
    EXPECT_EQ(GST_BUFFER_PTS(frame.get()), i * 100 * GST_MSECOND);
    EXPECT_EQ(GST_BUFFER_DURATION(frame.get()), 100 * GST_MSECOND);
    EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(frame.get(), GST_BUFFER_FLAG_GAP));
    EXPECT_FALSE(
        GST_BUFFER_FLAG_IS_SET(frame.get(), GST_BUFFER_FLAG_CORRUPTED));
    const auto step = taegst::GetLatentStep(frame.get());
    ASSERT_TRUE(step);
    EXPECT_EQ(step->step, guint(i + 1));
    EXPECT_EQ(step->rung, "linear");
    if (i == 0) first = BytesOf(frame.get());
    EXPECT_EQ(BytesOf(frame.get()) == first, i < 5) << i;
    EXPECT_EQ(NextMessage(harness).repeated, i > 0 && i < 5) << i;
  }
  EXPECT_EQ(harness.Stat("decoded"), 2u);
  EXPECT_EQ(harness.Stat("repeated"), 4u);
}

// The decisions, and the pictures, of a rule that is written out.
TEST(ChangeThreshold, DecidesAsTheSumOfChangesSays) {
  constexpr double kThreshold = .12;
  DecodeHarness repeating(With(kThreshold));
  DecodeHarness decoding(kElement);
  repeating.SetCaps(LatentCaps(kShape));
  decoding.SetCaps(LatentCaps(kShape));
  tae::ChangeMeter meter;
  std::vector<uint8_t> shown;
  int repeats = 0;
  double place = 0;
  for (int i = 0; i < 30; ++i) {
    const auto values = Moved(place += .1 / (1 + .2 * i));
    const auto change =
        meter.Add(values.data(), values.size(), tae::DType::kF32, {});
    ASSERT_TRUE(change.ok());
    const bool repeats_now = i < 29 && change->accumulated < kThreshold;
    repeating.Push(StepBuffer(values, i, i == 29));
    decoding.Push(StepBuffer(values, i, i == 29));
    const auto decoded = BytesOf(decoding.TryPull().get());
    if (!repeats_now) {
      meter.MarkDecoded();
      shown = decoded;
    }
    EXPECT_EQ(BytesOf(repeating.TryPull().get()), shown) << i;
    const Told told = NextMessage(repeating);
    EXPECT_EQ(told.repeated, repeats_now) << i;
    EXPECT_EQ(told.change, change->rms) << i;
    EXPECT_EQ(told.accumulated.value_or(INFINITY), change->accumulated) << i;
    repeats += repeats_now;
  }
  EXPECT_GT(repeats, 5);
  EXPECT_LT(repeats, 25);
  EXPECT_EQ(repeating.Stat("repeated"), guint64(repeats));
}

TEST(ChangeThreshold, ZeroDecodesAll) {
  DecodeHarness harness(With(0));
  harness.SetCaps(LatentCaps(kShape));
  for (int i = 0; i < 4; ++i) harness.Push(StepBuffer(Moved(0), i));
  EXPECT_EQ(harness.Stat("decoded"), 4u);
  EXPECT_EQ(harness.Stat("repeated"), 0u);
}

TEST(ChangeThreshold, FirstAndFinalLatentsAreDecoded) {
  DecodeHarness harness(With(.5));
  harness.SetCaps(LatentCaps(kShape));
  harness.Push(StepBuffer(Moved(0), 0));
  harness.Push(StepBuffer(Moved(0), 1, true));  // final
  harness.Push(StepBuffer(Moved(0), 2));        // the next begins
  harness.Push(StepBuffer(Moved(0), 3));
  harness.Push(StepBuffer(Moved(0), 4, false, "b"));  // another generation
  GstBuffer* discont = StepBuffer(Moved(0), 5, false, "b");
  GST_BUFFER_FLAG_SET(discont, GST_BUFFER_FLAG_DISCONT);
  harness.Push(discont);
  GstBuffer* last = StepBuffer(Moved(0), 6, false, "b");
  taegst::LatentStep step = *taegst::GetLatentStep(last);
  step.total_steps = step.step;  // final without saying so
  taegst::SetLatentStep(last, step);
  harness.Push(last);
  const bool expected[] = {false, false, false, true, false, false, false};
  for (const bool repeated : expected)
    EXPECT_EQ(NextMessage(harness).repeated, repeated);
}

TEST(ChangeThreshold, WhatDownstreamPaintsOverIsNotRepeated) {
  DecodeHarness harness(With(.5));
  harness.SetCaps(LatentCaps(kShape));
  harness.Push(StepBuffer(Moved(0), 0));
  std::vector<uint8_t> first;
  for (int i = 1; i < 4; ++i) {
    GstBuffer* frame = gst_buffer_make_writable(harness.TryPull().release());
    if (first.empty()) first = BytesOf(frame);
    EXPECT_EQ(BytesOf(frame), first) << i;
    gst_buffer_memset(frame, 0, 0xAA, gst_buffer_get_size(frame));
    gst_buffer_unref(frame);
    harness.Push(StepBuffer(Moved(0), i));
  }
  EXPECT_EQ(BytesOf(harness.TryPull().get()), first);
}

TEST(ChangeThreshold, OtherOutputIsDecodedAgain) {
  for (const char* format : {"I420", "GRAY8", "P010_10LE", "BGRx"}) {
    DecodeHarness harness(With(.5));
    harness.SetCaps(LatentCaps(kShape));
    harness.Push(StepBuffer(Moved(0), 0));
    gst_harness_set_sink_caps_str(
        harness.h, (std::string("video/x-raw,format=") + format).c_str());
    gst_harness_push_upstream_event(harness.h, gst_event_new_reconfigure());
    harness.Push(StepBuffer(Moved(0), 1));
    harness.Push(StepBuffer(Moved(0), 2));
    harness.TryPull();
    const auto decoded = BytesOf(harness.TryPull().get());
    EXPECT_EQ(BytesOf(harness.TryPull().get()), decoded) << format;
    EXPECT_EQ(harness.Stat("decoded"), 2u);
    EXPECT_EQ(harness.Stat("repeated"), 1u);
  }
}

// Not the rough one that came first.
TEST(ChangeThreshold, RepeatsThePictureThatAnytimeRefined) {
  DecodeHarness harness(
      "taedecode variant=flux2 anytime=true max-latency=0 "
      "change-threshold=0.5");
  harness.SetCaps(LatentCaps(kShape));
  const auto pull = [&] {
    return GstPtr<GstBuffer>(gst_harness_pull(harness.h));
  };
  harness.Push(StepBuffer(Moved(0), 0));
  const auto rough = pull();
  const auto refined = pull();
  ASSERT_NE(refined, nullptr);
  EXPECT_NE(BytesOf(rough.get()), BytesOf(refined.get()));
  harness.Push(StepBuffer(Moved(0), 1));
  const auto repeated = pull();
  ASSERT_NE(repeated, nullptr);
  EXPECT_EQ(BytesOf(repeated.get()), BytesOf(refined.get()));
  EXPECT_EQ(taegst::GetLatentStep(repeated.get())->rung, "builtin");
  EXPECT_EQ(harness.Stat("decoded"), 1u);
  EXPECT_EQ(harness.Stat("repeated"), 1u);
}

TEST(ChangeThreshold, LatentsPassedOverAddToTheChange) {
  DecodeHarness harness(With(.12, "every=2"));
  harness.SetCaps(LatentCaps(kShape));
  for (int i = 0; i < 5; ++i) harness.Push(StepBuffer(Moved(i * .04), i));
  const bool expected[] = {false, true, false};  // 0, 2 and 4: .08 and .16
  for (const bool repeated : expected)
    EXPECT_EQ(NextMessage(harness).repeated, repeated);
}

TEST(ChangeThreshold, NumbersThatAreNotFiniteAreDecoded) {
  DecodeHarness harness(With(.5));
  harness.SetCaps(LatentCaps(kShape));
  auto values = Moved(0);
  values[3] = std::numeric_limits<float>::quiet_NaN();
  harness.Push(StepBuffer(Moved(0), 0));
  harness.Push(StepBuffer(values, 1));
  harness.Push(StepBuffer(values, 2));
  harness.Push(StepBuffer(Moved(0), 3));
  harness.Push(StepBuffer(Moved(0), 4));
  EXPECT_EQ(harness.Stat("decoded"), 4u);
  EXPECT_EQ(harness.Stat("corrupted"), 2u);
  EXPECT_EQ(harness.Stat("repeated"), 1u);
}

TEST(ChangeThreshold, ChangesWhileLatentsFlow) {
  DecodeHarness harness(kElement);
  harness.SetCaps(LatentCaps(kShape));
  int index = 0;
  const auto push = [&](double threshold) {
    g_object_set(harness.decoder(), "change-threshold", threshold, nullptr);
    harness.Push(StepBuffer(Moved(0), index++));
    return NextMessage(harness).repeated;
  };
  EXPECT_FALSE(push(0));
  EXPECT_FALSE(push(.1));  // nothing was kept
  EXPECT_TRUE(push(.1));
  EXPECT_FALSE(push(0));
  EXPECT_FALSE(push(.1));
}

TEST(Convergence, IsToldAfterEnoughSmallSteps) {
  DecodeHarness harness(std::string(kElement) +
                        " converged-below=0.05 converged-steps=2");
  harness.SetCaps(LatentCaps(kShape));
  const double places[] = {0, .5, .52, .54, .56, .9, .91};
  const bool expected[] = {false, false, false, true, true, false, false};
  for (int i = 0; i < 7; ++i) {
    harness.Push(StepBuffer(Moved(places[i]), i));
    const Told told = NextMessage(harness);
    EXPECT_EQ(told.converged, expected[i]) << i;
    EXPECT_EQ(told.change.has_value(), i > 0);
  }
}

// Of what denoise made of the latents, not of their noise.
TEST(Convergence, IsThatOfTheCleanPicture) {
  DecodeHarness harness(kElement);
  harness.SetCaps(LatentCaps(kShape, "variant=flux2,pred=x"));
  const auto clean = Moved(0), noise = Moved(77);
  const double sigmas[] = {.9, .8, .7, .6, .5, .4};
  Told told;
  for (int i = 0; i < 6; ++i) {
    std::vector<float> x(clean.size());
    for (size_t k = 0; k < x.size(); ++k)
      x[k] = float((1 - sigmas[i]) * clean[k] + sigmas[i] * noise[k]);
    GstBuffer* buffer = StepBuffer(x, i);
    taegst::LatentStep step = *taegst::GetLatentStep(buffer);
    step.sigma = sigmas[i];
    taegst::SetLatentStep(buffer, step);
    harness.Push(buffer);
    told = NextMessage(harness);
  }
  ASSERT_TRUE(told.change);
  EXPECT_LT(*told.change, 1e-5);
  EXPECT_TRUE(told.converged);
}

}  // namespace
}  // namespace tae_test
