// The turns of the refining thread and its caller.
#include "taedecode/refiner.h"

#include <gtest/gtest.h>

#include <thread>

namespace tae_test {
namespace {

using taegst::Refiner;
using Flag = std::shared_ptr<std::atomic<bool>>;

constexpr GstClockTime kForever = GST_CLOCK_TIME_NONE;

Flag NewFlag() { return std::make_shared<std::atomic<bool>>(false); }

TEST(Refiner, StepsRunUntilOneHasNothingToRestFor) {
  Refiner refiner(NewFlag());
  int steps = 0;  // written by the thread, read in our turn
  refiner.Begin(
      [&]() -> std::optional<GstClockTime> {
        if (++steps == 3) return std::nullopt;
        return 0;
      },
      0);
  refiner.Finish();
  EXPECT_EQ(steps, 3);
}

TEST(Refiner, FinishEndsRestsAndInterruptDropsTheWork) {
  Refiner refiner(NewFlag());
  int steps = 0;
  const auto step = [&]() -> std::optional<GstClockTime> {
    if (++steps % 2 == 0) return std::nullopt;
    return kForever;
  };
  refiner.Begin(step, kForever);
  refiner.Finish();
  EXPECT_EQ(steps, 2);
  refiner.Begin(step, kForever);
  refiner.Interrupt();
  EXPECT_EQ(steps, 2);
}

TEST(Refiner, InterruptRaisesTheFlagWhileAStepRunsAndLowersIt) {
  const Flag cancel = NewFlag();
  Refiner refiner(cancel);
  std::atomic<bool> started{false};
  bool cancelled = false;
  refiner.Begin(
      [&]() -> std::optional<GstClockTime> {
        started = true;
        while (!*cancel) std::this_thread::yield();
        cancelled = true;
        return 0;
      },
      0);
  while (!started) std::this_thread::yield();
  refiner.Interrupt();
  EXPECT_TRUE(cancelled);
  EXPECT_FALSE(*cancel);
}

TEST(Refiner, IdleAndUnusedOnesDoNotWait) {
  Refiner refiner(NewFlag());
  refiner.Interrupt();
  refiner.Finish();
  refiner.Begin([] { return std::optional<GstClockTime>(); }, 0);
  refiner.Finish();
  refiner.Finish();
  refiner.Interrupt();
}

TEST(Refiner, GoesAwayInTheMiddleOfWork) {
  std::atomic<int> steps{0};
  for (int i = 0; i < 50; ++i) {
    Refiner refiner(NewFlag());
    refiner.Begin(
        [&]() -> std::optional<GstClockTime> {
          ++steps;
          return 0;
        },
        i % 3 == 0 ? kForever : 0);
    if (i % 2 == 0) std::this_thread::yield();
  }
}

}  // namespace
}  // namespace tae_test
