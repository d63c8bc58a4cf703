// Down when pictures are late, up when there is time, and what to show first.
#include "taedecode/quality_policy.h"

#include <gtest/gtest.h>

namespace tae_test {
namespace {

using taegst::QualityPolicy;

constexpr GstClockTime kMs = GST_MSECOND;

// Rungs that cost 1 %, 10 %, 60 % and all.
std::vector<tae::LadderRung> Rungs() {
  std::vector<tae::LadderRung> rungs(4);
  rungs[0].time_ratio = 0.01;
  rungs[1].time_ratio = 0.1;
  rungs[2].time_ratio = 0.6;
  rungs[3].time_ratio = 1;
  return rungs;
}

struct Policy : QualityPolicy {
  Policy() { SetRungs(Rungs()); }
};

TEST(QualityPolicy, WithoutPressureTheBestRung) {
  Policy policy;
  for (int i = 0; i < 100; ++i) {
    policy.OnQos(-5 * GstClockTimeDiff(kMs));
    EXPECT_EQ(policy.Choose(i * 100 * kMs, false), 3u);
  }
}

TEST(QualityPolicy, EachNewsOfLatenessLowersOnceAndTheLowestIsLast) {
  Policy policy;
  policy.OnQos(10 * kMs);
  EXPECT_EQ(policy.Choose(0, true), 2u);
  EXPECT_EQ(policy.Choose(0, true), 2u) << "no news";
  policy.OnQos(10 * kMs);
  EXPECT_EQ(policy.Choose(0, true), 1u);
  policy.OnQos(10 * kMs);
  EXPECT_EQ(policy.Choose(0, true), 0u);
  policy.OnQos(10 * kMs);
  EXPECT_FALSE(policy.Choose(0, true));
  EXPECT_EQ(policy.Choose(0, false), 0u);
}

TEST(QualityPolicy, AFixedRungIsLateAtOnce) {
  QualityPolicy policy;
  policy.SetRungs({tae::LadderRung{}});
  EXPECT_EQ(policy.Choose(0, false), 0u);
  policy.OnQos(10 * kMs);
  EXPECT_FALSE(policy.Choose(0, true));
}

TEST(QualityPolicy, LowersToWhatFitsBetweenTwoLatents) {
  Policy policy;
  policy.Choose(0, false);
  policy.Choose(100 * kMs, false);
  policy.OnDecoded(3, 1000 * kMs);
  policy.OnQos(10 * kMs);
  EXPECT_EQ(policy.Choose(200 * kMs, true), 0u) << "100 ms do not fit in 90";
}

TEST(QualityPolicy, TimeThatGoesBackIsNoInterval) {
  Policy policy;
  policy.Choose(1000 * kMs, false);
  policy.Choose(1100 * kMs, false);
  policy.Choose(0, false);
  policy.OnDecoded(3, 1000 * kMs);
  policy.OnQos(10 * kMs);
  EXPECT_EQ(policy.Choose(100 * kMs, true), 0u) << "100 ms do not fit in 90";
}

TEST(QualityPolicy, ClimbsBackOnlyWhenTheDearerRungFits) {
  Policy policy;
  policy.OnDecoded(3, 50 * kMs);
  GstClockTime now = 0;
  const auto next = [&](bool late) {
    return policy.Choose(now += 100 * kMs, late);
  };
  policy.OnQos(10 * kMs);
  EXPECT_EQ(next(true), 2u);
  policy.OnQos(-5 * GstClockTimeDiff(kMs));  // 20 ms more would be late
  for (int i = 0; i < 100; ++i) EXPECT_EQ(next(false), 2u);
  policy.OnQos(-50 * GstClockTimeDiff(kMs));
  int frames = 0;
  while (next(false) != 3u && frames < 100) ++frames;
  EXPECT_GE(frames, 3);
  EXPECT_LT(frames, 20);
}

TEST(QualityPolicy, DoesNotClimbToWhatTakesLongerThanAnIntervalButTriesLater) {
  Policy policy;
  policy.OnDecoded(3, 140 * kMs);
  policy.OnDecoded(2, 80 * kMs);
  GstClockTime now = 0;
  policy.OnQos(10 * kMs);
  EXPECT_EQ(policy.Choose(now, true), 2u);
  policy.OnQos(-GstClockTimeDiff(GST_SECOND));
  for (int i = 0; i < 15; ++i)
    EXPECT_EQ(policy.Choose(now += 100 * kMs, false), 2u);
  int frames = 0;
  while (policy.Choose(now += 100 * kMs, false) != 3u && frames < 100) ++frames;
  EXPECT_LT(frames, 20);
}

TEST(QualityPolicy, EachFallAfterAClimbMakesItMorePatient) {
  Policy policy;
  policy.OnDecoded(3, 50 * kMs);
  GstClockTime now = 0;
  int before = 0;
  policy.OnQos(10 * kMs);
  policy.Choose(now += 100 * kMs, true);
  policy.OnQos(-50 * GstClockTimeDiff(kMs));
  while (policy.Choose(now += 100 * kMs, false) != 3u) {
  }
  constexpr int kMost = 64;  // but no more than that
  for (int round = 0; round < 8; ++round) {
    policy.OnQos(10 * kMs);
    EXPECT_EQ(policy.Choose(now += 100 * kMs, true), 2u);
    policy.OnQos(-50 * GstClockTimeDiff(kMs));
    int frames = 1;
    while (policy.Choose(now += 100 * kMs, false) != 3u) ++frames;
    EXPECT_GT(frames, before < kMost ? before : kMost - 1);
    before = frames;
  }
  EXPECT_EQ(before, kMost);
}

TEST(QualityPolicy, EstimatesComeFromWhatWasMeasured) {
  Policy policy;
  EXPECT_EQ(policy.Estimate(3), 0u);
  EXPECT_EQ(policy.BestWithin(GST_SECOND), 0u) << "nothing is known";
  policy.OnDecoded(0, 2 * kMs);
  EXPECT_EQ(policy.Estimate(3), 200 * kMs);
  policy.OnDecoded(3, 100 * kMs);
  EXPECT_EQ(policy.Estimate(1), 10 * kMs);
  EXPECT_EQ(policy.Estimate(0), 2 * kMs);
  EXPECT_EQ(policy.BestWithin(9 * kMs), 0u);
  EXPECT_EQ(policy.BestWithin(10 * kMs), 1u);
  EXPECT_EQ(policy.BestWithin(GST_SECOND), 3u);
}

TEST(QualityPolicy, RefinementSkipsWhatIsNearlyAsDearAsTheBest) {
  Policy policy;
  policy.OnDecoded(3, 100 * kMs);
  EXPECT_EQ(policy.After(0), 1u);
  EXPECT_EQ(policy.After(1), 3u);
  EXPECT_EQ(policy.After(2), 3u);
  EXPECT_FALSE(policy.After(3));
}

}  // namespace
}  // namespace tae_test
