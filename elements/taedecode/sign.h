// A grey picture with a sentence in it: what is shown where no decoder can be
// had, so that the person before the screen reads what to do.
#pragma once

#include <gst/video/video.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/gst_ptr.h"
#include "tae/status.h"

namespace taegst {

// A text broken into lines of at most `columns` letters, at spaces where there
// are any; at most `rows` lines, the last one ends in "..." where more follows.
std::vector<std::string> BreakLines(std::string_view text, int columns,
                                    int rows);

// Threads: one caller at a time.
class Sign {
 public:
  // Fills the frame, of any format. Keeps what it drew for the next frame.
  // Errors: kOutOfMemory, kUnsupported where GStreamer cannot convert to it.
  tae::Status Draw(const std::string& text, GstVideoFrame* frame);

 private:
  tae::Status Prepare(const std::string& text, const GstVideoInfo& shown);

  std::string text_;
  GstVideoInfo shown_ = {};
  GstVideoInfo info_ = {};  // of picture_
  GstPtr<GstBuffer> picture_;
  GstPtr<GstVideoConverter> converter_;
};

}  // namespace taegst
