// Latents between two others, against the formulas in double.
#include "tae/interpolate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/half.h"

namespace tae {
namespace {

using Floats = std::vector<float>;
constexpr size_t kCount = 1000;

Floats Normal(int seed, size_t count = kCount) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Scalars of a type, at an odd address.
std::vector<uint8_t> Store(const Floats& values, DType dtype) {
  const size_t size = SizeOf(dtype);
  std::vector<uint8_t> bytes(1 + values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = dtype == DType::kF16 ? F16FromFloat(values[i])
                                               : BF16FromFloat(values[i]);
    const void* scalar = dtype == DType::kF32
                             ? static_cast<const void*>(&values[i])
                             : static_cast<const void*>(&half);
    std::memcpy(&bytes[1 + i * size], scalar, size);
  }
  return bytes;
}

Floats Load(const std::vector<uint8_t>& bytes, DType dtype) {
  Floats values((bytes.size() - 1) / SizeOf(dtype));
  LoadFloats(dtype, bytes.data() + 1, values.size(), values.data());
  return values;
}

Floats Between(Interpolation how, const Floats& a, const Floats& b,
               double position, DType dtype = DType::kF32) {
  Interpolator interpolator(how);
  EXPECT_TRUE(
      interpolator.Push(Store(a, dtype).data() + 1, a.size(), dtype).ok());
  EXPECT_TRUE(
      interpolator.Push(Store(b, dtype).data() + 1, b.size(), dtype).ok());
  std::vector<uint8_t> out(1 + a.size() * SizeOf(dtype));
  const Status status = interpolator.Between(position, out.data() + 1);
  EXPECT_TRUE(status.ok()) << status.message();
  return Load(out, dtype);
}

double Norm(const Floats& values) {
  double sum = 0;
  for (float value : values) sum += double{value} * value;
  return std::sqrt(sum);
}

TEST(Interpolate, LinearIsTheFormula) {
  const Floats a = Normal(1), b = Normal(2);
  for (double p : {0.0, 0.25, 0.5, 0.9, 1.0}) {
    const Floats c = Between(Interpolation::kLinear, a, b, p);
    for (size_t i = 0; i < kCount; ++i)
      EXPECT_NEAR(c[i], (1 - p) * a[i] + p * b[i], 1e-6);
  }
}

// The angles from the older to the result to the newer are as the position
// says, and the three lie in one plane: that is what a great circle is.
TEST(Interpolate, SphericalDividesTheAngle) {
  const Floats a = Normal(1);
  Floats b = Normal(2);
  const double scale = Norm(a) / Norm(b);  // equal norms: truly an arc
  for (float& value : b) value = float(value * scale);
  const auto angle = [](const Floats& x, const Floats& y) {
    double dot = 0;
    for (size_t i = 0; i < x.size(); ++i) dot += double{x[i]} * y[i];
    return std::acos(std::min(1.0, dot / Norm(x) / Norm(y)));
  };
  const double whole = angle(a, b);
  ASSERT_GT(whole, 1);
  for (double p : {0.0, 0.25, 0.5, 0.9, 1.0}) {
    const Floats c = Between(Interpolation::kSpherical, a, b, p);
    EXPECT_NEAR(Norm(c) / Norm(a), 1, 1e-5);
    EXPECT_NEAR(angle(a, c), p * whole, 1e-3);
    EXPECT_NEAR(angle(c, b), (1 - p) * whole, 1e-3);
  }
}

TEST(Interpolate, LinearLosesTheNormOfUnlikeLatents) {
  const Floats a = Normal(1), b = Normal(2);
  EXPECT_NEAR(Norm(Between(Interpolation::kLinear, a, b, 0.5)) / Norm(a),
              std::sqrt(0.5), 0.05);
}

TEST(Interpolate, EndsAreTheLatentsThemselvesInEveryType) {
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32})
    for (auto how : {Interpolation::kLinear, Interpolation::kSpherical}) {
      const Floats a = Load(Store(Normal(1), dtype), dtype);
      const Floats b = Load(Store(Normal(2), dtype), dtype);
      EXPECT_EQ(Between(how, a, b, 0, dtype), a);
      EXPECT_EQ(Between(how, a, b, 1, dtype), b);
    }
}

TEST(Interpolate, ParallelOppositeAndZeroLatentsGoStraight) {
  const Floats a = Normal(1);
  Floats twice = a, minus = a;
  for (float& value : twice) value *= 2;
  for (float& value : minus) value = -value;
  const Floats zero(kCount, 0.0f);
  for (const Floats& b : {a, twice, minus, zero}) {
    const Floats c = Between(Interpolation::kSpherical, a, b, 0.25);
    for (size_t i = 0; i < kCount; ++i)
      EXPECT_NEAR(c[i], 0.75 * a[i] + 0.25 * b[i], 1e-4);
  }
}

TEST(Interpolate, WhatIsNotFiniteStaysAlone) {
  Floats a = Normal(1), b = Normal(2);
  a[3] = std::numeric_limits<float>::quiet_NaN();
  b[5] = std::numeric_limits<float>::infinity();
  const Floats c = Between(Interpolation::kSpherical, a, b, 0.5);
  a[3] = b[3] = a[5] = b[5] = 0;
  EXPECT_EQ(c, Between(Interpolation::kSpherical, a, b, 0.5));
}

TEST(Interpolate, AnotherSizeOrTypeBeginsAnew) {
  Interpolator interpolator(Interpolation::kLinear);
  const Floats a = Normal(1);
  Floats out(kCount);
  ASSERT_TRUE(interpolator.Push(a.data(), kCount, DType::kF32).ok());
  EXPECT_EQ(interpolator.Between(0.5, out.data()).code(),
            StatusCode::kInvalidArgument);
  ASSERT_TRUE(interpolator.Push(a.data(), kCount / 2, DType::kF32).ok());
  EXPECT_FALSE(interpolator.Between(0.5, out.data()).ok());
  ASSERT_TRUE(interpolator.Push(a.data(), kCount / 2, DType::kF16).ok());
  EXPECT_FALSE(interpolator.Between(0.5, out.data()).ok());
  ASSERT_TRUE(interpolator.Push(a.data(), kCount / 2, DType::kF16).ok());
  EXPECT_TRUE(interpolator.Between(0.5, out.data()).ok());
  interpolator.Reset();
  EXPECT_FALSE(interpolator.Between(0.5, out.data()).ok());
}

TEST(Interpolate, WrongArgumentsAreRefused) {
  Interpolator interpolator(Interpolation::kLinear);
  const Floats a = Normal(1);
  Floats out(kCount);
  EXPECT_FALSE(interpolator.Push(nullptr, kCount, DType::kF32).ok());
  EXPECT_FALSE(interpolator.Push(a.data(), 0, DType::kF32).ok());
  ASSERT_TRUE(interpolator.Push(a.data(), kCount, DType::kF32).ok());
  ASSERT_TRUE(interpolator.Push(a.data(), kCount, DType::kF32).ok());
  for (double p : {-0.1, 1.1, std::nan("")})
    EXPECT_EQ(interpolator.Between(p, out.data()).code(),
              StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tae
