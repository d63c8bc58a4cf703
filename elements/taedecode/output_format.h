// Which raw video format leaves the element, and who writes it: the library
// itself, or a GstVideoConverter behind it.
#pragma once

#include <gst/video/video.h>

#include <optional>

#include "common/gst_ptr.h"
#include "tae/types.h"
#include "taedecode/output_size.h"

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

// Frames of a format and a size: colour as the library writes it, the rate of
// the input.
GstVideoInfo ShownInfo(GstVideoFormat format, const OutputSize& size,
                       const GstVideoInfo& input);

// The best format of `allowed` (what downstream takes, in its order) for
// pictures of this size. Downstream's first choice if the library writes it and
// it is opaque 8-bit colour; else the library's own order; else downstream's
// first. Nothing when downstream takes no raw video of that size, rate and
// colour.
std::optional<OutputFormat> PickOutput(const GstCaps* allowed,
                                       const OutputSize& size,
                                       const GstVideoInfo& input);

// By way of RGB, and a GstVideoConverter.
OutputFormat ByWayOfRgb(GstVideoFormat shown);

// Colour as the library writes it: sRGB, BT.709 limited, or full-range grey.
void SetColorimetry(GstVideoInfo* info);

// The same memory, seen by the library.
tae::FrameView ViewOf(GstVideoFrame* frame, tae::PixelFormat pixel);

// One cell of the frame, in a format that the library writes. Cells of formats
// that share chroma have even sides.
tae::FrameView CellOf(GstVideoFrame* frame, tae::PixelFormat pixel,
                      const GridShape& grid, int cell);

// Whether cells of these sides can be written one by one: they begin at whole
// pixels of every plane, in a format that the library knows.
bool HasWholeCells(GstVideoFormat format, int cell_width, int cell_height);

// One cell as a frame of its own, of the same memory; not to be unmapped.
GstVideoFrame CutCell(GstVideoFrame* frame, const GridShape& grid, int cell);

// Makes a cell black.
void BlackenCell(GstVideoFrame* frame, const GridShape& grid, int cell);

}  // namespace taegst
