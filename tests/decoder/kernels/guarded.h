// Memory with guard bytes around it, and values that do harm where one can.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <random>
#include <vector>

namespace tae::testing {

inline constexpr unsigned char kGuard = 0xa5;

// Memory with guard bytes before and behind.
class Guarded {
 public:
  // Begins `offset` bytes behind an address that 64 divides.
  explicit Guarded(size_t bytes, size_t offset = 0, unsigned char fill = kGuard)
      : bytes_(bytes), memory_(bytes + offset + 4 * kSide, kGuard) {
    const auto base = reinterpret_cast<uintptr_t>(memory_.data());
    begin_ = (base + 63) / 64 * 64 - base + kSide + offset;
    std::fill_n(data(), bytes, fill);
  }
  unsigned char* data() { return memory_.data() + begin_; }
  float* floats() { return reinterpret_cast<float*>(data()); }
  bool Intact() const {
    for (size_t i = 0; i < memory_.size(); ++i)
      if ((i < begin_ || i >= begin_ + bytes_) && memory_[i] != kGuard)
        return false;
    return true;
  }

 private:
  static constexpr size_t kSide = 64;
  size_t bytes_, begin_;
  std::vector<unsigned char> memory_;
};

// NaN, infinities, subnormals, and what is near the ends of both floats.
inline float Hostile(std::mt19937* random) {
  static constexpr float kValues[] = {
      NAN,    -NAN,    INFINITY,     -INFINITY, FLT_MAX, -FLT_MAX, FLT_MIN,
      1e-45f, -1e-40f, 65504,        -65504,    65520,   6e-8f,    -6e-8f,
      0.0f,   -0.0f,   FLT_TRUE_MIN, 1e30f,     -100.0f, 0.5f};
  return kValues[(*random)() % std::size(kValues)];
}

}  // namespace tae::testing
