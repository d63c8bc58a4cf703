// What the statistics and the latency come to, of times that are given.
#include "taedecode/decode_stats.h"

#include <gtest/gtest.h>

namespace taegst {
namespace {

double ShownSpeedUp(const DecodeStats& stats) {
  double value = 0;
  EXPECT_TRUE(gst_structure_get_double(StatsStructure(stats).get(), "speed-up",
                                       &value));
  return value;
}

TEST(DecodeStats, SpeedUpIsThatOfTheDecodesSaved) {
  DecodeStats stats;
  EXPECT_EQ(stats.SpeedUp(), 1);  // nothing was decoded
  stats.AddDecoded(100);
  stats.AddDecoded(300);
  EXPECT_EQ(stats.SpeedUp(), 1);  // nothing was saved
  stats.AddRepeated(15);
  stats.AddRepeated(25);
  stats.AddRepeated(0);
  // Five pictures of 200 each, in 440.
  EXPECT_DOUBLE_EQ(stats.SpeedUp(), 5 * 200. / 440);
  EXPECT_DOUBLE_EQ(ShownSpeedUp(stats), 5 * 200. / 440);
}

TEST(DecodeStats, ARepeatThatTakesLongerThanADecodeSlowsDown) {
  DecodeStats stats;
  stats.AddDecoded(100);
  stats.AddRepeated(300);
  EXPECT_DOUBLE_EQ(stats.SpeedUp(), 0.5);
}

TEST(DecodeStats, TimesAreOfTheLastDecodeAndTheMean) {
  DecodeStats stats;
  stats.AddDecoded(100);
  stats.AddDecoded(300);
  stats.AddRepeated(7);
  guint64 last = 0, average = 0, decoded = 0, repeated = 0;
  EXPECT_TRUE(gst_structure_get(
      StatsStructure(stats).get(), "last-decode-time", G_TYPE_UINT64, &last,
      "average-decode-time", G_TYPE_UINT64, &average, "decoded", G_TYPE_UINT64,
      &decoded, "repeated", G_TYPE_UINT64, &repeated, nullptr));
  EXPECT_EQ(last, 300u);
  EXPECT_EQ(average, 200u);
  EXPECT_EQ(decoded, 2u);
  EXPECT_EQ(repeated, 1u);
}

constexpr GstClockTime kMs = GST_MSECOND;

TEST(LatencyEstimate, TheFirstDecodeIsReportedInStepsOfFiveMs) {
  EXPECT_EQ(LatencyEstimate().Add(98 * kMs), 100 * kMs);
  EXPECT_EQ(LatencyEstimate().Add(100 * kMs), 105 * kMs);
  EXPECT_EQ(LatencyEstimate().Add(1), 5 * kMs);
}

TEST(LatencyEstimate, GrowsOnlyWhenTheMeanIsMoreThanAQuarterAbove) {
  LatencyEstimate latency;
  EXPECT_EQ(latency.Add(100 * kMs), 105 * kMs);
  EXPECT_EQ(latency.Add(100 * kMs), std::nullopt);
  EXPECT_EQ(latency.Add(180 * kMs), std::nullopt);  // a mean of 120
  EXPECT_EQ(latency.Add(165 * kMs), std::nullopt);  // of 131.25: a quarter
  EXPECT_EQ(latency.Add(132 * kMs), 135 * kMs);     // of 131.4375
  EXPECT_EQ(latency.Add(168 * kMs), std::nullopt);  // of some 140.6
}

TEST(LatencyEstimate, NeverFalls) {
  LatencyEstimate latency;
  EXPECT_EQ(latency.Add(100 * kMs), 105 * kMs);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(latency.Add(1), std::nullopt) << i;
  // Nor is what was reported forgotten.
  EXPECT_EQ(latency.Add(400 * kMs), std::nullopt);  // a mean of 100
  EXPECT_EQ(latency.Add(400 * kMs), 180 * kMs);     // of 175
}

}  // namespace
}  // namespace taegst
