// The words, and the times in them.
#include "progress/progress_text.h"

#include <gtest/gtest.h>

#include <string>

namespace taegst {
namespace {

LatentStep Step(guint step, const std::string& generation = "a") {
  LatentStep meta;
  meta.step = step;
  meta.total_steps = 28;
  meta.sigma = 0.5;
  meta.prompt_id = generation;
  return meta;
}

// With plain spaces.
std::string Words(const Progress& progress, guint show = kShowAll) {
  std::string text = ProgressText(progress, show);
  for (size_t at = 0; (at = text.find("\u00a0", at)) != std::string::npos;)
    text.replace(at, 2, " ");
  return text;
}

TEST(ProgressText, SaysWhatIsKnown) {
  ProgressClock clock;
  clock.Add(Step(1), 0);
  LatentStep step = Step(12);
  step.rung = "stage3";
  const Progress progress = clock.Add(step, 11 * GST_SECOND);
  EXPECT_EQ(Words(progress), "Step 12/28 · σ 0.500 · 0:11, 0:16 left · stage3");
  EXPECT_EQ(Words(progress, kShowStep | kShowRung), "Step 12/28 · stage3");
  EXPECT_EQ(Words(progress, 0), "");
  EXPECT_NEAR(*progress.fraction, 12.0 / 28, 1e-9);
}

TEST(ProgressText, SaysNothingOfWhatIsNot) {
  ProgressClock clock;
  EXPECT_EQ(Words(clock.Add({}, GST_CLOCK_TIME_NONE)), "");
  LatentStep step;
  step.step = 3;
  const Progress progress = clock.Add(step, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(Words(progress), "Step 3");
  EXPECT_FALSE(progress.fraction);
}

TEST(ProgressText, LongAndFinal) {
  ProgressClock clock;
  clock.Add(Step(1), GST_SECOND);
  LatentStep last = Step(28);
  last.final = true;
  last.sigma = 14.6146;
  const Progress progress = clock.Add(last, 3662 * GST_SECOND);
  EXPECT_EQ(Words(progress), "Step 28/28 · σ 14.6 · 1:01:01");
  EXPECT_EQ(progress.fraction, 1);
}

TEST(ProgressText, BetweenStepsTheBarMoves) {
  ProgressClock clock;
  LatentStep step = Step(7);
  step.between = 0.5;
  EXPECT_NEAR(*clock.Add(step, 0).fraction, 7.5 / 28, 1e-9);
}

TEST(ProgressText, TheClockStartsAnewWithAGeneration) {
  ProgressClock clock;
  clock.Add(Step(1), 0);
  EXPECT_EQ(clock.Add(Step(2), 5 * GST_SECOND).elapsed, 5 * GST_SECOND);
  EXPECT_EQ(clock.Add(Step(1), 6 * GST_SECOND).elapsed, 0u);
  EXPECT_EQ(clock.Add(Step(2, "b"), 8 * GST_SECOND).elapsed, 0u);
  LatentStep last = Step(28, "b");
  last.final = true;
  EXPECT_EQ(clock.Add(last, 9 * GST_SECOND).elapsed, GST_SECOND);
  EXPECT_EQ(clock.Add(last, 10 * GST_SECOND).elapsed, 2 * GST_SECOND);
}

}  // namespace
}  // namespace taegst
