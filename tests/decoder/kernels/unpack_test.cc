// Every layout and dtype, against the index formulas in types.h.
#include "kernels/reference/unpack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/half.h"

namespace tae {
namespace {

constexpr int kChannelCount = 5;
constexpr Extent kExtent{4, 6};

// A number that says where it came from, exact in every dtype.
float Mark(int c, int y, int x) {
  return static_cast<float>(c * 24 + y * 6 + x);
}

size_t IndexOf(LatentLayout layout, int c, int y, int x) {
  const int C = kChannelCount, H = kExtent.height, W = kExtent.width;
  const int token = y / 2 * (W / 2) + x / 2, py = y % 2, px = x % 2;
  switch (layout) {
    case LatentLayout::kNchw:
      return (c * H + y) * W + x;
    case LatentLayout::kNhwc:
      return (y * W + x) * C + c;
    case LatentLayout::kPacked:
      return token * 4 * C + 4 * c + 2 * py + px;
    case LatentLayout::kPackedNchw:
      return (4 * c + 2 * py + px) * (H * W / 4) + token;
    case LatentLayout::kPackedIdeogram4:
      return token * 4 * C + 2 * C * py + C * px + c;
  }
  return 0;
}

void Put(DType dtype, float value, uint8_t* to) {
  const uint16_t half =
      dtype == DType::kF16 ? F16FromFloat(value) : BF16FromFloat(value);
  if (dtype == DType::kF32)
    std::memcpy(to, &value, 4);
  else
    std::memcpy(to, &half, 2);
}

TEST(UnpackTest, EveryLayoutAndDTypeAtAnOddAddress) {
  for (LatentLayout layout :
       {LatentLayout::kNchw, LatentLayout::kNhwc, LatentLayout::kPacked,
        LatentLayout::kPackedNchw, LatentLayout::kPackedIdeogram4})
    for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
      const size_t count = kChannelCount * 24;
      std::vector<uint8_t> bytes(count * SizeOf(dtype) + 1);
      for (int c = 0; c < kChannelCount; ++c)
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x < 6; ++x)
            Put(dtype, Mark(c, y, x),
                bytes.data() + 1 + IndexOf(layout, c, y, x) * SizeOf(dtype));
      const LatentView latent{.data = bytes.data() + 1,
                              .size = bytes.size() - 1,
                              .dtype = dtype,
                              .layout = layout,
                              .channels = kChannelCount,
                              .extent = kExtent};
      for (int y = 0; y < 4; ++y) {
        std::vector<float> z(kChannelCount * 6);
        EXPECT_EQ(reference::Unpack(
                      {.latent = &latent, .affine = {}, .y = y, .z = z.data()}),
                  0);
        for (int c = 0; c < kChannelCount; ++c)
          for (int x = 0; x < 6; ++x) EXPECT_EQ(z[c * 6 + x], Mark(c, y, x));
      }
    }
}

TEST(UnpackTest, AffineIsPerChannelAndPhaseAndCountsOverflow) {
  std::vector<float> values(kChannelCount * 24, 2.0f);
  values[1] = NAN;
  values[2] = 3e38f;  // overflows below
  std::vector<float> scale, shift;
  for (int k = 0; k < 4 * kChannelCount; ++k) {
    scale.push_back(static_cast<float>(k + 2));
    shift.push_back(static_cast<float>(-k));
  }
  const LatentView latent{.data = values.data(),
                          .size = values.size() * 4,
                          .dtype = DType::kF32,
                          .layout = LatentLayout::kNchw,
                          .domain = LatentDomain::kVae,
                          .channels = kChannelCount,
                          .extent = kExtent};
  for (int y : {0, 3}) {
    std::vector<float> z(kChannelCount * 6);
    EXPECT_EQ(reference::Unpack({.latent = &latent,
                                 .affine = {scale.data(), shift.data()},
                                 .y = y,
                                 .z = z.data()}),
              y == 0 ? 2 : 0);
    for (int c = 0; c < kChannelCount; ++c)
      for (int x = 0; x < 6; ++x) {
        const int k = 4 * c + 2 * (y % 2) + x % 2;
        const bool bad = y == 0 && c == 0 && (x == 1 || x == 2);
        EXPECT_EQ(z[c * 6 + x], bad ? 0 : 2 * (k + 2) - k);
      }
  }
}

}  // namespace
}  // namespace tae
