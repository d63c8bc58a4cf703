// Means of squares of pixels of a finished frame.
#include <algorithm>

#include "base/pixel_format.h"
#include "exec/run_parallel.h"
#include "tae/ladder.h"

namespace tae {
namespace {

struct Rows {
  const uint8_t* from;  // the first of `factor` rows
  ptrdiff_t stride;     // bytes
  uint8_t* to;
  int width;  // of `to`, pixels
};

// Rounds to nearest.
template <typename T, int kPerPixel>
void ShrinkRow(const Rows& rows, int factor) {
  const auto squares = static_cast<uint32_t>(factor) * factor;
  auto* to = reinterpret_cast<T*>(rows.to);
  for (int x = 0; x < rows.width; ++x) {
    uint32_t sum[kPerPixel] = {};
    for (int i = 0; i < factor; ++i) {
      const T* from = reinterpret_cast<const T*>(rows.from + i * rows.stride) +
                      ptrdiff_t{x} * factor * kPerPixel;
      for (int j = 0; j < factor; ++j)
        for (int c = 0; c < kPerPixel; ++c) sum[c] += from[j * kPerPixel + c];
    }
    for (int c = 0; c < kPerPixel; ++c)
      to[x * kPerPixel + c] = static_cast<T>((sum[c] + squares / 2) / squares);
  }
}

void ShrinkRow(const Rows& rows, int factor, const PixelFormatInfo& info) {
  if (info.sample_bytes == 2) return ShrinkRow<uint16_t, 4>(rows, factor);
  if (info.samples == 4) return ShrinkRow<uint8_t, 4>(rows, factor);
  if (info.samples == 3) return ShrinkRow<uint8_t, 3>(rows, factor);
  ShrinkRow<uint8_t, 1>(rows, factor);
}

}  // namespace

Status ShrinkFrame(const FrameView& from, const FrameView& to,
                   ParallelFor* parallel) {
  const PixelFormatInfo& info = InfoOf(from.format);
  if (info.subsampled || info.sample_bytes == 4)
    return Unsupported("frames of this format are not shrunk");
  const int factor = to.width > 0 ? from.width / to.width : 0;
  // 256 x 256 values of 16 bits fill the sum.
  const bool fits = from.format == to.format && factor >= 1 && factor <= 256 &&
                    to.height > 0 && to.width * factor == from.width &&
                    from.height / factor == to.height &&
                    from.height % factor == 0;
  if (!fits)
    return InvalidArgument(
        "a frame of " + std::to_string(from.width) + "x" +
        std::to_string(from.height) + " does not shrink to one of " +
        std::to_string(to.width) + "x" + std::to_string(to.height));
  ForEach(parallel, to.height, [&](int y, int) {
    for (int plane = 0; plane < info.planes; ++plane)
      ShrinkRow(
          {.from = static_cast<const uint8_t*>(from.plane[plane]) +
                   ptrdiff_t{y} * factor * from.stride[plane],
           .stride = from.stride[plane],
           .to = static_cast<uint8_t*>(to.plane[plane]) + y * to.stride[plane],
           .width = to.width},
          factor, info);
  });
  return {};
}

}  // namespace tae
