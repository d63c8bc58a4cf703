#include "still.h"

#include <gst/video/video.h>

#include <memory>
#include <utility>

#include "common/gst_ptr.h"

namespace preview {
namespace {

constexpr GstClockTime kPatience = 30 * GST_SECOND;

void OnConverted(GstSample* sample, GError* error, gpointer data) {
  const std::unique_ptr<StillDone> done(static_cast<StillDone*>(data));
  if (sample == nullptr) {
    (*done)(nullptr, std::string("no PNG could be made: ") +
                         (error != nullptr ? error->message : "no reason"));
    g_clear_error(&error);
    return;
  }
  (*done)(CopyBytes(gst_sample_get_buffer(sample)), "");
  gst_sample_unref(sample);
}

}  // namespace

void MakePng(GstSample* raw, StillDone done) {
  const taegst::GstPtr<GstCaps> png(gst_caps_new_empty_simple("image/png"));
  gst_video_convert_sample_async(raw, png.get(), kPatience, OnConverted,
                                 new StillDone(std::move(done)), nullptr);
}

}  // namespace preview
