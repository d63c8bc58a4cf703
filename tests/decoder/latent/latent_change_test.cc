// The change of latents against sums that are written out.
#include "tae/latent_change.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "base/half.h"

namespace tae {
namespace {

using Floats = std::vector<float>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Floats Random(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = normal(random);
  return values;
}

LatentChange Add(ChangeMeter& meter, const Floats& latent,
                 const ConvergenceOptions& options = {}) {
  const auto change =
      meter.Add(latent.data(), latent.size(), DType::kF32, options);
  EXPECT_TRUE(change.ok());
  return change.ok() ? *change : LatentChange{};
}

TEST(LatentChange, IsWhatTheSumsSay) {
  for (const size_t count : {1u, 1023u, 1024u, 1025u, 5000u}) {
    const Floats a = Random(count, 1), b = Random(count, 2);
    double squares = 0, absolute = 0, before = 0;
    for (size_t i = 0; i < count; ++i) {
      squares += std::pow(double(b[i]) - a[i], 2);
      absolute += std::abs(double(b[i]) - a[i]);
      before += std::abs(a[i]);
    }
    ChangeMeter meter;
    EXPECT_FALSE(Add(meter, a).rms);
    meter.MarkDecoded();
    const LatentChange change = Add(meter, b);
    EXPECT_NEAR(*change.rms, std::sqrt(squares / count), 1e-9) << count;
    EXPECT_NEAR(change.accumulated, absolute / before, 1e-9) << count;
  }
}

TEST(LatentChange, AddsUpSinceTheLastDecoded) {
  ChangeMeter meter;
  EXPECT_EQ(Add(meter, {1, 1}).accumulated, kInfinity);
  EXPECT_EQ(Add(meter, {1, 1}).accumulated, kInfinity);
  meter.MarkDecoded();
  EXPECT_DOUBLE_EQ(Add(meter, {1.5, 1}).accumulated, .25);
  EXPECT_DOUBLE_EQ(Add(meter, {1.5, 1}).accumulated, .25);
  // Back again: the way counts, not the distance.
  EXPECT_DOUBLE_EQ(Add(meter, {1, 1}).accumulated, .25 + .2);
  EXPECT_DOUBLE_EQ(meter.accumulated(), .25 + .2);
  meter.MarkDecoded();
  EXPECT_EQ(meter.accumulated(), 0);
  EXPECT_DOUBLE_EQ(Add(meter, {1, 1}).accumulated, 0);
  meter.Reset();
  EXPECT_EQ(Add(meter, {1, 1}).accumulated, kInfinity);
}

TEST(LatentChange, HalfFloatsAreReadAsTheyAre) {
  const Floats a = Random(3000, 3), b = Random(3000, 4);
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    const auto half = [&](float value) {
      return dtype == DType::kF16 ? F16FromFloat(value) : BF16FromFloat(value);
    };
    // One byte further, so that nothing is aligned.
    const auto bytes = [&](const Floats& values, Floats* rounded) {
      std::vector<uint8_t> out(1 + 2 * values.size());
      for (size_t i = 0; i < values.size(); ++i) {
        const uint16_t bits = half(values[i]);
        out[1 + 2 * i] = uint8_t(bits);
        out[2 + 2 * i] = uint8_t(bits >> 8);
        rounded->push_back(dtype == DType::kF16 ? FloatFromF16(bits)
                                                : FloatFromBF16(bits));
      }
      return out;
    };
    Floats a32, b32;
    const auto a16 = bytes(a, &a32), b16 = bytes(b, &b32);
    ChangeMeter narrow, wide;
    ASSERT_TRUE(narrow.Add(&a16[1], 3000, dtype, {}).ok());
    Add(wide, a32);
    narrow.MarkDecoded();
    wide.MarkDecoded();
    const auto found = narrow.Add(&b16[1], 3000, dtype, {});
    ASSERT_TRUE(found.ok());
    const LatentChange expected = Add(wide, b32);
    EXPECT_EQ(*found->rms, *expected.rms);
    EXPECT_EQ(found->accumulated, expected.accumulated);
  }
}

TEST(LatentChange, NumbersThatAreNotFiniteForbidReuseOnly) {
  ChangeMeter meter;
  Add(meter, {1, kNan, 1});
  meter.MarkDecoded();
  LatentChange change = Add(meter, {2, 1, 2});
  EXPECT_DOUBLE_EQ(*change.rms, 1);
  EXPECT_EQ(change.accumulated, kInfinity);
  meter.MarkDecoded();
  change = Add(meter, {2, kInfinity, 2});
  EXPECT_EQ(change.accumulated, kInfinity);
  Add(meter, {2, 1, 2});
  meter.MarkDecoded();
  EXPECT_EQ(Add(meter, {2, 1, 2}).accumulated, 0);
  EXPECT_FALSE(Add(meter, {kNan, kNan, kNan}).rms);
}

TEST(LatentChange, FromNothingIsInfinite) {
  ChangeMeter meter;
  Add(meter, {0, 0});
  meter.MarkDecoded();
  EXPECT_EQ(Add(meter, {0, 0}).accumulated, 0);
  EXPECT_EQ(Add(meter, {0, 1}).accumulated, kInfinity);
}

TEST(LatentChange, ConvergedAfterEnoughSmallSteps) {
  const ConvergenceOptions options{.below = .1, .steps = 2};
  ChangeMeter meter;
  std::vector<bool> seen;
  for (const float value : {0.f, 1.f, 1.05f, 1.f, 1.02f, 1.5f, 1.5f, 1.5f})
    seen.push_back(Add(meter, {value}, options).converged);
  EXPECT_EQ(seen, std::vector<bool>(
                      {false, false, false, true, true, false, false, true}));
  meter.Reset();
  Add(meter, {1}, options);
  EXPECT_FALSE(Add(meter, {1}, options).converged);
}

TEST(LatentChange, MoreSmallStepsThanWereAskedForDoNotCountLater) {
  ChangeMeter meter;
  for (int i = 0; i < 10; ++i) Add(meter, {1}, {.below = .1, .steps = 2});
  const ConvergenceOptions more{.below = .1, .steps = 4};
  EXPECT_FALSE(Add(meter, {1}, more).converged);
  EXPECT_TRUE(Add(meter, {1}, more).converged);
}

TEST(LatentChange, AnotherSizeBeginsAgain) {
  ChangeMeter meter;
  Add(meter, {1, 1});
  meter.MarkDecoded();
  const LatentChange change = Add(meter, {1, 1, 1});
  EXPECT_FALSE(change.rms);
  EXPECT_EQ(change.accumulated, kInfinity);
  EXPECT_FALSE(meter.Add(nullptr, 4, DType::kF32, {}).ok());
  EXPECT_FALSE(meter.Add("", 0, DType::kF32, {}).ok());
}

}  // namespace
}  // namespace tae
