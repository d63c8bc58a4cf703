#include "taedecode/last_picture.h"

namespace taegst {
namespace {

bool CopyPicture(const GstVideoInfo& info, GstBuffer* from, GstBuffer* to) {
  GstVideoFrame source;
  if (!gst_video_frame_map(&source, &info, from, GST_MAP_READ)) return false;
  FrameMap target(&info, to);
  const bool copied =
      target.ok() && gst_video_frame_copy(target.frame(), &source);
  gst_video_frame_unmap(&source);
  return copied;
}

}  // namespace

bool LastPicture::Keep(const GstVideoInfo& info, GstBuffer* frame) {
  if (!Fits(info)) {
    info_ = info;
    picture_.reset(
        gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
  }
  if (picture_ != nullptr && CopyPicture(info_, frame, picture_.get()))
    return true;
  picture_.reset();
  return false;
}

bool LastPicture::WriteTo(GstBuffer* frame) const {
  return CopyPicture(info_, picture_.get(), frame);
}

}  // namespace taegst
