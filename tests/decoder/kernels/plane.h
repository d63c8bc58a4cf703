// Planes and weights for tests of kernels: stored as kernels want them, read as
// doubles, with canaries around every row.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "base/half.h"
#include "kernels/kernel_table.h"

namespace tae::testing {

class Plane {
 public:
  // `gap`: more bytes between two rows; 64 divides it.
  Plane(int height, int width, size_t bytes_per_channel, size_t gap = 0)
      : height_(height),
        width_(width),
        bytes_(bytes_per_channel),
        row_bytes_(RowBytes(width, bytes_per_channel)),
        pitch_((row_bytes_ + 63) / 64 * 64 + 2 * kCanary + gap),
        memory_(pitch_ * (height + 2) + 64, 0x5a) {
    for (int y = -1; y <= height; ++y) std::memset(Row(y), 0, row_bytes_);
  }

  int height() const { return height_; }
  int width() const { return width_; }

  // Rows -1 and height are the zero rows above and below.
  char* Row(int y) {
    auto base = reinterpret_cast<uintptr_t>(memory_.data());
    base = (base + 63) / 64 * 64;
    return reinterpret_cast<char*>(base) + (y + 1) * pitch_ + kCanary;
  }
  // Null below the plane.
  char* OutRow(int y) { return y >= 0 && y < height_ ? Row(y) : nullptr; }
  // The zero row outside.
  char* InRow(int y) { return y >= 0 && y < height_ ? Row(y) : Row(-1); }

  double Get(int y, int x, int c) {
    const char* p = Row(y) + (size_t(1 + x) * kChannels + c) * bytes_;
    if (bytes_ == 2) {
      uint16_t half;
      std::memcpy(&half, p, 2);
      return FloatFromF16(half);
    }
    float value;
    std::memcpy(&value, p, 4);
    return value;
  }
  void Set(int y, int x, int c, float value) {
    char* p = Row(y) + (size_t(1 + x) * kChannels + c) * bytes_;
    const uint16_t half = F16FromFloat(value);
    std::memcpy(p, bytes_ == 2 ? static_cast<const void*>(&half) : &value,
                bytes_);
  }

  // Everything, so that one can see that nobody wrote.
  std::vector<char> Bytes() {
    return {Row(-1) - kCanary, Row(height_) + row_bytes_ + kCanary};
  }

  // What a kernel must leave alone: everything but the pixels.
  bool BordersIntact() {
    for (int y = -1; y <= height_; ++y) {
      const auto* row = reinterpret_cast<const unsigned char*>(Row(y));
      for (size_t i = 1; i <= kCanary; ++i)
        if (row[-int(i)] != 0x5a || row[row_bytes_ + i - 1] != 0x5a)
          return false;
      const size_t pixel = kChannels * bytes_;
      for (size_t i = 0; i < row_bytes_; ++i) {
        const bool border =
            y < 0 || y >= height_ || i < pixel || i >= pixel * (1 + width_);
        if (border && row[i] != 0) return false;
      }
    }
    return true;
  }

 private:
  static constexpr size_t kCanary = 64;
  int height_, width_;
  size_t bytes_, row_bytes_, pitch_;
  std::vector<unsigned char> memory_;
};

// What inputs look like.
enum class Content { kRandom, kRelu, kZero, kHugeChannel, kTiny, kLarge };

inline void Fill(Plane* plane, Content content, std::mt19937* random) {
  std::normal_distribution<float> normal;
  for (int y = 0; y < plane->height(); ++y)
    for (int x = 0; x < plane->width(); ++x)
      for (int c = 0; c < kChannels; ++c) {
        float v = normal(*random);
        if (content == Content::kRelu) v = v > 0 ? v : 0;
        if (content == Content::kZero) v = 0;
        if (content == Content::kHugeChannel && c == 17) v *= 1000;
        if (content == Content::kTiny) v *= 1e-6f;
        // Signs that add up in the input transform, near fp16's end.
        if (content == Content::kLarge) v = (x + y) % 2 ? 6e4f : -6e4f;
        plane->Set(y, x, c, v);
      }
}

inline ConvWeights RandomConv(int in, int out, int taps, bool bias, float size,
                              std::mt19937* random) {
  std::normal_distribution<float> normal(0, size);
  ConvWeights conv;
  conv.in_channels = in;
  conv.out_channels = out;
  conv.taps = taps;
  conv.weight.resize(size_t(in) * out * taps);
  for (float& w : conv.weight) w = normal(*random);
  if (bias) conv.bias.resize(out);
  for (float& b : conv.bias) b = normal(*random);
  return conv;
}

}  // namespace tae::testing
