// What is true of each pixel format: the one table that code which treats
// formats by their properties reads.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

#include "tae/types.h"

namespace tae {

struct PixelFormatInfo {
  PixelFormat format;
  std::string_view name;    // GStreamer's, where it has one
  int planes = 1;           // of FrameView that are written
  int samples = 1;          // of a pixel, in the first plane
  int sample_bytes = 1;     // 1 and 2: integers; 4: floats
  bool subsampled = false;  // neighbouring pixels share chroma
};

inline constexpr PixelFormatInfo kPixelFormats[] = {
    {PixelFormat::kRgb, "RGB", 1, 3},
    {PixelFormat::kBgr, "BGR", 1, 3},
    {PixelFormat::kRgba, "RGBA", 1, 4},
    {PixelFormat::kBgra, "BGRA", 1, 4},
    {PixelFormat::kArgb, "ARGB", 1, 4},
    {PixelFormat::kAbgr, "ABGR", 1, 4},
    {PixelFormat::kRgbx, "RGBx", 1, 4},
    {PixelFormat::kBgrx, "BGRx", 1, 4},
    {PixelFormat::kXrgb, "xRGB", 1, 4},
    {PixelFormat::kXbgr, "xBGR", 1, 4},
    {PixelFormat::kGbr, "GBR", 3},
    {PixelFormat::kRgbp, "RGBP", 3},
    {PixelFormat::kRgba64Le, "RGBA64_LE", 1, 4, 2},
    {PixelFormat::kGray8, "GRAY8"},
    {PixelFormat::kI420, "I420", 3, 1, 1, true},
    {PixelFormat::kYv12, "YV12", 3, 1, 1, true},
    {PixelFormat::kNv12, "NV12", 2, 1, 1, true},
    {PixelFormat::kYuy2, "YUY2", 1, 2, 1, true},
    {PixelFormat::kUyvy, "UYVY", 1, 2, 1, true},
    {PixelFormat::kRgbPlanarF32, "RGB_PLANAR_F32", 3, 1, 4},
};

// A row is found by its enumerator's number: with a format that has none, or
// out of order, this does not compile.
constexpr bool RowsAreInOrder() {
  for (size_t i = 0; i < std::size(kPixelFormats); ++i)
    if (kPixelFormats[i].format != static_cast<PixelFormat>(i)) return false;
  return kPixelFormats[std::size(kPixelFormats) - 1].format ==
         PixelFormat::kRgbPlanarF32;
}
static_assert(RowsAreInOrder());

constexpr const PixelFormatInfo& InfoOf(PixelFormat format) {
  return kPixelFormats[static_cast<size_t>(format)];
}

}  // namespace tae
