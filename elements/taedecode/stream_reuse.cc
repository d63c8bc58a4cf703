// One stream's pictures that are shown again because the latent hardly changed.
#include <utility>

#include "taedecode/stream.h"

#define GST_CAT_DEFAULT gst_tae_decode_debug
GST_DEBUG_CATEGORY_EXTERN(GST_CAT_DEFAULT);

namespace taegst {
namespace {

bool IsFinal(const std::optional<LatentStep>& step) {
  if (!step) return false;
  return step->final ||
         (step->step && step->total_steps && *step->step >= *step->total_steps);
}

}  // namespace

GstVideoInfo Stream::ShownFormat() const {
  const GstPtr<GstVideoCodecState> state(
      gst_video_decoder_get_output_state(element_));
  return state->info;
}

// The first of a generation has changed without bound. A picture that was to be
// refined is not repeated as it is.
bool Stream::CanRepeat(const std::optional<LatentStep>& step, size_t rung,
                       const LiveSettings& live) const {
  const size_t wanted = RefinesPictures() ? quality_.best() : rung;
  return history_->change().accumulated < live.history.change_threshold &&
         last_rung_ >= wanted && !IsFinal(step) &&
         last_picture_.Fits(ShownFormat());
}

void Stream::KeepPicture(const GstVideoInfo& info, GstBuffer* frame,
                         size_t rung) {
  last_rung_ = rung;
  if (!last_picture_.Keep(info, frame))
    GST_WARNING_OBJECT(element_, "no memory to keep the picture");
}

GstFlowReturn Stream::Repeat(FramePtr frame,
                             const std::optional<LatentStep>& step,
                             const LiveSettings& live) {
  const GstFlowReturn allocated = NewFrame(frame.get());
  if (allocated != GST_FLOW_OK) return allocated;
  Picture picture{.pts = frame->pts,
                  .duration = frame->duration,
                  .step = step.value_or(LatentStep{}),
                  .report = {}};
  const GstClockTime begin = gst_util_get_timestamp();
  if (!last_picture_.WriteTo(frame->output_buffer))
    return Refuse(std::move(frame),
                  tae::DataLoss("the frame's memory is not writable as video"));
  picture.took = gst_util_get_timestamp() - begin;
  history_->MarkRepeated();
  TellRung(frame.get(), &picture.step, last_rung_);
  {
    std::lock_guard lock(mutex_);
    stats_.AddRepeated(picture.took);
  }
  GST_LOG_OBJECT(element_, "picture repeated, the latent changed by %g",
                 history_->change().accumulated);
  if (live.post_messages) PostStep(picture, element_->input_segment);
  return Finish(std::move(frame));
}

}  // namespace taegst
