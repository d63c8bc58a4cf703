#include "progress/progress_bar.h"

#include <algorithm>
#include <cmath>

#include "common/gst_ptr.h"

namespace taegst {
namespace {

// Premultiplied ARGB in the machine's order, as overlays have it.
constexpr guint32 kDone = 0xFF4CC38A;
constexpr guint32 kLeft = 0xA0101010;

}  // namespace

// A twentieth of a picture of 256 pixels, a thirtieth of one of 2048: small
// ones are looked at closely.
ProgressLayout LayoutOf(int width, int height) {
  const double side = std::min(width, height);
  ProgressLayout layout;
  layout.font = std::max(9, int(std::lround(0.32 * std::pow(side, 0.68))));
  layout.bar = std::clamp(int(std::lround(side / 96)), 3, std::max(3, height));
  layout.margin = layout.font / 2;
  return layout;
}

GstVideoOverlayComposition* MakeProgressBar(int width, int height,
                                            double done) {
  const int bar = std::min(LayoutOf(width, height).bar, height);
  const gsize size = gsize(width) * gsize(bar) * sizeof(guint32);
  GstPtr<GstBuffer> pixels(gst_buffer_new_allocate(nullptr, size, nullptr));
  GstMapInfo map;
  if (!pixels || !gst_buffer_map(pixels.get(), &map, GST_MAP_WRITE))
    return nullptr;
  const int filled = int(std::lround(std::clamp(done, 0.0, 1.0) * width));
  auto* row = reinterpret_cast<guint32*>(map.data);
  for (int y = 0; y < bar; ++y, row += width) {
    std::fill(row, row + filled, kDone);
    std::fill(row + filled, row + width, kLeft);
  }
  gst_buffer_unmap(pixels.get(), &map);
  gst_buffer_add_video_meta(pixels.get(), GST_VIDEO_FRAME_FLAG_NONE,
                            GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
                            guint(width), guint(bar));
  GstVideoOverlayRectangle* rectangle = gst_video_overlay_rectangle_new_raw(
      pixels.get(), 0, height - bar, guint(width), guint(bar),
      GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  GstVideoOverlayComposition* composition =
      gst_video_overlay_composition_new(rectangle);
  gst_video_overlay_rectangle_unref(rectangle);
  return composition;
}

}  // namespace taegst
