// The bar along the lower edge of a picture.
#pragma once

#include <gst/video/video-overlay-composition.h>

namespace taegst {

// Sizes in pixels for a picture of this size.
struct ProgressLayout {
  int font = 0;    // height of the letters
  int bar = 0;     // height of the bar
  int margin = 0;  // around the words
};
ProgressLayout LayoutOf(int width, int height);

// The bar, `done` in [0,1] of it filled. Owned by the caller; null without
// memory.
GstVideoOverlayComposition* MakeProgressBar(int width, int height, double done);

}  // namespace taegst
