// Conversions on the bits of a float: 1 sign, 8 exponent, 23 fraction.
#include "base/half.h"

#include <bit>
#include <cstring>

namespace tae {
namespace {

constexpr uint32_t kFloatInfinity = 0x7F800000;
constexpr uint32_t kFloatQuietBit = 0x00400000;
constexpr uint32_t kHalfMax = 0x477FF000;  // first float that rounds to inf
constexpr uint32_t kHalfMinNormal = 0x38800000;  // 2^-14

// Shifts right by `count` bits, 1..31, rounding to nearest, ties to even.
uint32_t ShiftRound(uint32_t value, int count) {
  const uint32_t half = uint32_t{1} << (count - 1);
  const uint32_t odd = (value >> count) & 1;
  return (value + half - 1 + odd) >> count;
}

}  // namespace

float FloatFromF16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 0x1F;
  const uint32_t fraction = bits & 0x3FF;
  if (exponent == 0x1F) {
    const uint32_t quiet = fraction != 0 ? kFloatQuietBit : 0;
    return std::bit_cast<float>(sign | kFloatInfinity | quiet |
                                (fraction << 13));
  }
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) |
                              (fraction << 13));
}

float FloatFromBF16(uint16_t bits) {
  uint32_t wide = uint32_t{bits} << 16;
  if ((wide & ~0x80000000u) > kFloatInfinity) wide |= kFloatQuietBit;
  return std::bit_cast<float>(wide);
}

uint16_t F16FromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > kFloatInfinity) {
    return sign | 0x7E00 | static_cast<uint16_t>((magnitude >> 13) & 0x1FF);
  }
  if (magnitude >= kHalfMax) return sign | 0x7C00;
  if (magnitude >= kHalfMinNormal) {
    // A carry out of the fraction raises the exponent, as it should.
    return sign |
           static_cast<uint16_t>(ShiftRound(magnitude - (112u << 23), 13));
  }
  const int exponent = static_cast<int>(magnitude >> 23);
  if (exponent < 102) return sign;  // below half of the smallest subnormal
  const uint32_t significand = (magnitude & 0x7FFFFF) | 0x800000;
  return sign | static_cast<uint16_t>(ShiftRound(significand, 126 - exponent));
}

uint16_t BF16FromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > kFloatInfinity) {
    return static_cast<uint16_t>((bits | kFloatQuietBit) >> 16);
  }
  const uint32_t odd = (bits >> 16) & 1;
  return static_cast<uint16_t>((bits + 0x7FFF + odd) >> 16);
}

void LoadFloats(DType dtype, const void* source, size_t count, float* out) {
  if (dtype == DType::kF32) {
    if (count > 0) std::memcpy(out, source, count * sizeof(float));
    return;
  }
  const auto* bytes = static_cast<const uint8_t*>(source);
  for (size_t i = 0; i < count; ++i) {
    const auto bits =
        static_cast<uint16_t>(bytes[2 * i] | (bytes[2 * i + 1] << 8));
    out[i] = dtype == DType::kF16 ? FloatFromF16(bits) : FloatFromBF16(bits);
  }
}

}  // namespace tae
