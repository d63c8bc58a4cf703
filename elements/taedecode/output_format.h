// Which raw video format leaves the element, and who writes it: the library
// itself, or a GstVideoConverter behind it.
#pragma once

#include <gst/video/video.h>

#include <optional>

#include "common/gst_ptr.h"
#include "tae/types.h"

namespace taegst {

struct OutputFormat {
  GstVideoFormat shown = GST_VIDEO_FORMAT_UNKNOWN;    // on the pad
  GstVideoFormat written = GST_VIDEO_FORMAT_UNKNOWN;  // by the library
  tae::PixelFormat pixel = tae::PixelFormat::kRgb;    // written, in its words

  bool converted() const { return shown != written; }
  friend bool operator==(const OutputFormat&, const OutputFormat&) = default;
};

// The pad template: what the library writes, best first, then all the rest.
GstPtr<GstCaps> OutputCaps();

// The best format of `allowed` (what downstream takes, in its order) for
// pictures of this size. Downstream's first choice if the library writes it and
// it is opaque 8-bit colour; else the library's own order; else downstream's
// first. Nothing when downstream takes no raw video of that size.
std::optional<OutputFormat> PickOutput(const GstCaps* allowed, int width,
                                       int height);

// By way of RGB, and a GstVideoConverter.
OutputFormat ByWayOfRgb(GstVideoFormat shown);

// Colour as the library writes it: sRGB, BT.709 limited, or full-range grey.
void SetColorimetry(GstVideoInfo* info);

// The same memory, seen by the library.
tae::FrameView ViewOf(GstVideoFrame* frame, tae::PixelFormat pixel);

}  // namespace taegst
