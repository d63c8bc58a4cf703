// Pictures that are kept longer than the pipeline that made them needs them.
#pragma once

#include <gst/gst.h>

#include <memory>

#include "common/gst_ptr.h"

namespace preview {

// The picture in memory of its own: a buffer of a decoder's pool would keep the
// pool, and with it two descriptors, for as long as it is kept.
inline std::shared_ptr<GstSample> CopyPicture(GstSample* sample) {
  const taegst::GstPtr<GstBuffer> copy(
      gst_buffer_copy_deep(gst_sample_get_buffer(sample)));
  return {gst_sample_new(copy.get(), gst_sample_get_caps(sample),
                         gst_sample_get_segment(sample), nullptr),
          [](GstSample* s) { gst_sample_unref(s); }};
}

}  // namespace preview
