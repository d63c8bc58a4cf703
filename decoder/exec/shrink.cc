// Means of squares of pixels of a finished frame.
#include <algorithm>
#include <optional>

#include "exec/run_parallel.h"
#include "tae/ladder.h"

namespace tae {
namespace {

struct Components {
  int planes = 1;
  int per_pixel = 1;  // of a plane
  bool wide = false;  // 16 bits each
};

std::optional<Components> ComponentsOf(PixelFormat format) {
  switch (format) {
    case PixelFormat::kRgb:
    case PixelFormat::kBgr:
      return Components{.per_pixel = 3};
    case PixelFormat::kRgba:
    case PixelFormat::kBgra:
    case PixelFormat::kArgb:
    case PixelFormat::kAbgr:
    case PixelFormat::kRgbx:
    case PixelFormat::kBgrx:
    case PixelFormat::kXrgb:
    case PixelFormat::kXbgr:
      return Components{.per_pixel = 4};
    case PixelFormat::kGbr:
    case PixelFormat::kRgbp:
      return Components{.planes = 3};
    case PixelFormat::kRgba64Le:
      return Components{.per_pixel = 4, .wide = true};
    case PixelFormat::kGray8:
      return Components{};
    case PixelFormat::kI420:
    case PixelFormat::kYv12:
    case PixelFormat::kNv12:
    case PixelFormat::kYuy2:
    case PixelFormat::kUyvy:
    case PixelFormat::kRgbPlanarF32:
      return std::nullopt;
  }
  return std::nullopt;
}

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

void ShrinkRow(const Rows& rows, int factor, const Components& components) {
  if (components.wide) return ShrinkRow<uint16_t, 4>(rows, factor);
  if (components.per_pixel == 4) return ShrinkRow<uint8_t, 4>(rows, factor);
  if (components.per_pixel == 3) return ShrinkRow<uint8_t, 3>(rows, factor);
  ShrinkRow<uint8_t, 1>(rows, factor);
}

}  // namespace

Status ShrinkFrame(const FrameView& from, const FrameView& to,
                   ParallelFor* parallel) {
  const auto components = ComponentsOf(from.format);
  if (!components) return Unsupported("frames of this format are not shrunk");
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
    for (int plane = 0; plane < components->planes; ++plane)
      ShrinkRow(
          {.from = static_cast<const uint8_t*>(from.plane[plane]) +
                   ptrdiff_t{y} * factor * from.stride[plane],
           .stride = from.stride[plane],
           .to = static_cast<uint8_t*>(to.plane[plane]) + y * to.stride[plane],
           .width = to.width},
          factor, *components);
  });
  return {};
}

}  // namespace tae
