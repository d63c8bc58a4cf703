#include "still.h"

#include <gst/video/video.h>

#include <memory>
#include <utility>

#include "common/gst_ptr.h"
#include "main_thread.h"
#include "tae/status.h"

namespace preview {
namespace {

constexpr GstClockTime kPatience = 30 * GST_SECOND;

// On a thread of its own. GStreamer 1.22's asynchronous form keeps the bus of
// its pipeline, two descriptors, wherever a message is left in that.
tae::StatusOr<Bytes> ConvertToPng(GstSample* raw) {
  const taegst::GstPtr<GstCaps> png(gst_caps_new_empty_simple("image/png"));
  GError* error = nullptr;
  GstSample* sample =
      gst_video_convert_sample(raw, png.get(), kPatience, &error);
  if (sample == nullptr) {
    const std::string why = error != nullptr ? error->message : "no reason";
    g_clear_error(&error);
    return tae::Internal("no PNG could be made: " + why);
  }
  const Bytes bytes = CopyBytes(gst_sample_get_buffer(sample));
  gst_sample_unref(sample);
  return bytes;
}

struct Job {
  std::shared_ptr<GstSample> raw;
  StillDone done;
};

gpointer Run(gpointer data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  const auto png = ConvertToPng(job->raw.get());
  PostToMain([done = job->done, png] {
    if (png.ok())
      done(*png, "");
    else
      done(nullptr, png.status().message());
  });
  return nullptr;
}

}  // namespace

void MakePng(std::shared_ptr<GstSample> raw, StillDone done) {
  auto job = std::make_unique<Job>(Job{std::move(raw), std::move(done)});
  GError* error = nullptr;
  GThread* thread = g_thread_try_new("png", Run, job.get(), &error);
  if (thread != nullptr) {
    job.release();
    return g_thread_unref(thread);
  }
  PostToMain([done = job->done, why = std::string(error->message)] {
    done(nullptr, "no PNG could be made: " + why);
  });
  g_error_free(error);
}

}  // namespace preview
