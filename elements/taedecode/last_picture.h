// The picture decoded last, kept for frames that repeat it.
#pragma once

#include <gst/video/video.h>

#include "common/gst_ptr.h"

namespace taegst {

// Keeps a copy of its own: frames belong to downstream, and pools of few would
// run dry. Threads: one caller at a time.
class LastPicture {
 public:
  // False where memory is lacking or the frame is no such video; then nothing
  // is kept.
  bool Keep(const GstVideoInfo& info, GstBuffer* frame);

  // Whether frames of this format can repeat it.
  bool Fits(const GstVideoInfo& info) const {
    return picture_ != nullptr && gst_video_info_is_equal(&info_, &info);
  }

  // Copies it into a frame of a format that fits. False where the frame's
  // memory is not writable as such video.
  bool WriteTo(GstBuffer* frame) const;

  void Clear() { picture_.reset(); }

 private:
  GstVideoInfo info_ = {};
  GstPtr<GstBuffer> picture_;
};

}  // namespace taegst
