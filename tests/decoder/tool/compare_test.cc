// The figures of `tae validate`, against ones worked out by hand.
#include "tool/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tae::tool {
namespace {

TEST(Compare, ByHand) {
  const float found[] = {0.0f, 0.5f, 1.0f, 0.5f};
  const float expected[] = {0.0f, 0.25f, 1.0f, 1.0f};
  const Difference d = Compare(found, expected, 4);
  EXPECT_DOUBLE_EQ(d.max_abs, 0.5);
  EXPECT_DOUBLE_EQ(d.mae, 0.75 / 4);
  EXPECT_DOUBLE_EQ(d.rmse, std::sqrt((0.0625 + 0.25) / 4));
  EXPECT_DOUBLE_EQ(d.psnr, -10 * std::log10((0.0625 + 0.25) / 4));
  EXPECT_DOUBLE_EQ(d.cosine, 1.625 / std::sqrt(1.5 * 2.0625));
}

TEST(Compare, EqualOnesAreInfinitelyGood) {
  const float values[] = {0.1f, 0.9f};
  const Difference d = Compare(values, values, 2);
  EXPECT_EQ(d.max_abs, 0);
  EXPECT_TRUE(std::isinf(d.psnr));
  EXPECT_DOUBLE_EQ(d.cosine, 1);
  EXPECT_EQ(Compare(values, values, 0).cosine, 1);
}

TEST(Compare, NanIsNeverClose) {
  const float nan[] = {std::numeric_limits<float>::quiet_NaN(), 0.0f};
  const float values[] = {0.0f, 0.0f};
  EXPECT_TRUE(std::isinf(Compare(nan, values, 2).max_abs));
}

}  // namespace
}  // namespace tae::tool
