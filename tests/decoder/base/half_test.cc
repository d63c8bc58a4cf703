// f16 and bf16 scalars: every bit pattern there and back, every rounding case.
#include "base/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace tae {
namespace {

// The obviously right way: search the nearest representable value in double.
template <typename Widen>
uint16_t NearestByNeighbours(float value, uint16_t guess, Widen widen) {
  uint16_t best = guess;
  double best_error = std::numeric_limits<double>::infinity();
  for (int step = -2; step <= 2; ++step) {
    const int candidate = guess + step;
    if (((candidate ^ guess) & 0x8000) != 0 || candidate < 0) continue;
    const double wide = widen(static_cast<uint16_t>(candidate));
    if (!std::isfinite(wide)) continue;
    const double error = std::fabs(wide - static_cast<double>(value));
    if (error < best_error || (error == best_error && candidate % 2 == 0)) {
      best_error = error;
      best = static_cast<uint16_t>(candidate);
    }
  }
  return best;
}

TEST(Half, EveryF16PatternComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float wide = FloatFromF16(static_cast<uint16_t>(bits));
    const bool nan = (bits & 0x7C00) == 0x7C00 && (bits & 0x3FF) != 0;
    ASSERT_EQ(std::isnan(wide), nan) << std::hex << bits;
    const uint32_t expected = nan ? bits | 0x200 : bits;
    ASSERT_EQ(F16FromFloat(wide), expected) << std::hex << bits;
  }
}

TEST(Half, EveryBF16PatternComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float wide = FloatFromBF16(static_cast<uint16_t>(bits));
    const bool nan = (bits & 0x7F80) == 0x7F80 && (bits & 0x7F) != 0;
    ASSERT_EQ(std::isnan(wide), nan) << std::hex << bits;
    const uint32_t expected = nan ? bits | 0x40 : bits;
    ASSERT_EQ(BF16FromFloat(wide), expected) << std::hex << bits;
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(FloatFromF16(0x3C00), 1.0f);
  EXPECT_EQ(FloatFromF16(0xC000), -2.0f);
  EXPECT_EQ(FloatFromF16(0x7BFF), 65504.0f);
  EXPECT_EQ(FloatFromF16(0x0001), 0x1p-24f);
  EXPECT_EQ(FloatFromF16(0x03FF), 1023 * 0x1p-24f);
  EXPECT_EQ(FloatFromF16(0x0400), 0x1p-14f);
  EXPECT_TRUE(std::signbit(FloatFromF16(0x8000)));
  EXPECT_EQ(FloatFromF16(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(FloatFromBF16(0x3F80), 1.0f);
  EXPECT_EQ(FloatFromBF16(0x0001), 0x1p-133f);
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(F16FromFloat(1.0f + 0x1p-11f), 0x3C00);             // tie, down
  EXPECT_EQ(F16FromFloat(1.0f + 3 * 0x1p-11f), 0x3C02);         // tie, up
  EXPECT_EQ(F16FromFloat(1.0f + 0x1p-11f + 0x1p-20f), 0x3C01);  // over
  EXPECT_EQ(F16FromFloat(65519.996f), 0x7BFF);
  EXPECT_EQ(F16FromFloat(65520.0f), 0x7C00);  // tie to the even: infinity
  EXPECT_EQ(F16FromFloat(-1e30f), 0xFC00);
  EXPECT_EQ(F16FromFloat(0x1p-25f), 0x0000);  // tie to zero
  EXPECT_EQ(F16FromFloat(0x1.000002p-25f), 0x0001);
  EXPECT_EQ(F16FromFloat(-0x1.8p-24f), 0x8002);          // tie to the even
  EXPECT_EQ(F16FromFloat(1023.75f * 0x1p-24f), 0x0400);  // into the normals
  EXPECT_EQ(F16FromFloat(0x1p-149f), 0x0000);
  EXPECT_EQ(BF16FromFloat(1.0f + 0x1p-8f), 0x3F80);
  EXPECT_EQ(BF16FromFloat(1.0f + 3 * 0x1p-8f), 0x3F82);
  EXPECT_EQ(BF16FromFloat(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(F16FromFloat(std::bit_cast<float>(0xFFC12345u)) & 0xFE00, 0xFE00);
  EXPECT_EQ(BF16FromFloat(std::bit_cast<float>(0x7F800001u)), 0x7FC0);
}

TEST(Half, RandomFloatsGoToTheNearest) {
  std::mt19937 random(7);
  for (int i = 0; i < 500000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    if (std::fabs(value) < 65520) {
      const uint16_t f16 = F16FromFloat(value);
      ASSERT_EQ(f16, NearestByNeighbours(value, f16, FloatFromF16)) << value;
    }
    if (std::fabs(value) < 0x1.FFp127f) {
      const uint16_t bf16 = BF16FromFloat(value);
      ASSERT_EQ(bf16, NearestByNeighbours(value, bf16, FloatFromBF16)) << value;
    }
  }
}

TEST(Half, LoadsUnalignedScalars) {
  const std::vector<uint8_t> bytes = {0xEE, 0x00, 0x3C, 0x00, 0xC0};
  float out[2];
  LoadFloats(DType::kF16, bytes.data() + 1, 2, out);
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], -2.0f);
  const std::vector<uint8_t> single = {0xEE, 0x00, 0x00, 0x80, 0x3F};
  LoadFloats(DType::kF32, single.data() + 1, 1, out);
  EXPECT_EQ(out[0], 1.0f);
}

}  // namespace
}  // namespace tae
