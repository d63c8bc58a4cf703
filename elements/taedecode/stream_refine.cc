// Anytime: pictures of one latent, each better than the one before. The first
// goes the base class's way; the others are pushed by the refining thread, in
// turns with the streaming thread (refiner.h), without the base class's lock.
#include <algorithm>
#include <cstring>
#include <utility>

#include "common/guard.h"
#include "taedecode/stream.h"

#define GST_CAT_DEFAULT gst_tae_decode_debug
GST_DEBUG_CATEGORY_EXTERN(GST_CAT_DEFAULT);

namespace taegst {
namespace {

// As the base class does: what says nothing about memory or pixels goes along.
gboolean CopyUntagged(GstBuffer* from, GstMeta** meta, gpointer to) {
  const gchar* const* tags = gst_meta_api_type_get_tags((*meta)->info->api);
  if ((tags == nullptr || tags[0] == nullptr) &&
      (*meta)->info->transform_func) {
    GstMetaTransformCopy copy = {FALSE, 0, static_cast<gsize>(-1)};
    (*meta)->info->transform_func(static_cast<GstBuffer*>(to), *meta, from,
                                  _gst_meta_transform_copy, &copy);
  }
  return TRUE;
}

// Memory of any kind will do: the base class's own pool may be exhausted, and
// waiting for it would hold up the next latent.
GstPtr<GstBuffer> BufferFor(GstBufferPool* pool, const GstVideoInfo& info) {
  GstBuffer* buffer = nullptr;
  GstBufferPoolAcquireParams params = {};
  params.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
  if (pool == nullptr ||
      gst_buffer_pool_acquire_buffer(pool, &buffer, &params) != GST_FLOW_OK)
    buffer =
        gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr);
  return GstPtr<GstBuffer>(buffer);
}

bool SameBytes(GstBuffer* a, GstBuffer* b) {
  const ReadMap first(a), second(b);
  return first.ok() && second.ok() && first.size() == second.size() &&
         std::memcmp(first.data(), second.data(), first.size()) == 0;
}

// The base class has the property but no getter.
bool DiscardsCorrupted(GstVideoDecoder* element) {
  gboolean discard = FALSE;
  g_object_get(element, "discard-corrupted-frames", &discard, nullptr);
  return discard != FALSE;
}

}  // namespace

bool Stream::RefinesPictures() const {
  return settings_.quality.anytime && !settings_.quality.quality &&
         element_->input_segment.rate > 0;
}

GstFlowReturn Stream::FinishAndRefine(FramePtr frame, Picture picture,
                                      size_t rung, const LiveSettings& live) {
  auto job = std::make_shared<Refinement>();
  job->latent.reset(gst_buffer_ref(frame->input_buffer));
  const GstFlowReturn flow = Finish(std::move(frame));
  const bool unwanted =
      picture.report.nonfinite > 0 && DiscardsCorrupted(element_);
  job->map = std::make_unique<ReadMap>(job->latent.get());
  if (flow != GST_FLOW_OK || unwanted || !job->map->ok() ||
      !ClipTo(element_->output_segment, &picture))
    return flow;
  refined_.reset(gst_buffer_ref(job->latent.get()));
  const GstPtr<GstVideoCodecState> state(
      gst_video_decoder_get_output_state(element_));
  job->views = ShownLatents(job->map->data());
  job->pool.reset(gst_video_decoder_get_buffer_pool(element_));
  job->info = state->info;
  job->segment = element_->output_segment;
  job->rung = rung;
  job->shown = gst_util_get_timestamp();
  job->post_messages = live.post_messages;
  job->keep_picture = live.history.change_threshold > 0;
  const GstClockTime rest = RestAfter(picture.took);
  refines_final_ = picture.step.final;
  job->picture = std::move(picture);
  refiner_.Begin(
      [this, job] {
        return Guard(GST_ELEMENT(element_), std::optional<GstClockTime>(),
                     [&] { return Refine(job.get()); });
      },
      rest);
  return flow;
}

// A held last latent, say: its picture is there and gets better undisturbed,
// where showing it again would begin with a worse one. (With change-threshold
// the kept picture is repeated.)
bool Stream::PassOverRepeated(GstBuffer* buffer) {
  if (refined_ == nullptr ||
      gst_pad_needs_reconfigure(GST_VIDEO_DECODER_SRC_PAD(element_)) ||
      !SameBytes(refined_.get(), buffer))
    return false;
  DropHeld();
  const auto step = GetLatentStep(buffer);
  if (step && step->final) refines_final_ = true;
  std::lock_guard lock(mutex_);
  ++stats_.skipped;
  return true;
}

// The picture of a finished generation is worth the wait.
void Stream::EndRefinement() {
  refined_.reset();
  if (std::exchange(refines_final_, false)) {
    refiner_.Finish();
  } else {
    refiner_.Interrupt();
  }
}

GstClockTime Stream::RestAfter(GstClockTime took) const {
  constexpr double kForever = double(3600 * GST_SECOND);
  const double share = settings_.quality.cpu_share;
  const double rest = share > 0 ? double(took) * (1 / share - 1) : kForever;
  return rest < kForever ? static_cast<GstClockTime>(rest)
                         : GST_CLOCK_TIME_NONE;
}

// In the refining thread.
std::optional<GstClockTime> Stream::Refine(Refinement* job) {
  const auto rung = quality_.After(job->rung);
  if (!rung) return std::nullopt;
  GstPtr<GstBuffer> buffer = BufferFor(job->pool.get(), job->info);
  if (buffer == nullptr || !PaintBetter(job, *rung, buffer.get()))
    return std::nullopt;
  if (job->keep_picture) KeepPicture(job->info, buffer.get(), *rung);
  if (!PushRefined(job, std::move(buffer))) return std::nullopt;
  job->rung = *rung;
  if (*rung == quality_.best()) return std::nullopt;
  return RestAfter(job->picture.took);
}

bool Stream::PaintBetter(Refinement* job, size_t rung, GstBuffer* buffer) {
  FrameMap frame(&job->info, buffer);
  if (!frame.ok()) return false;
  Picture& picture = job->picture;
  const GstClockTime begin = gst_util_get_timestamp();
  const tae::Status status =
      painter_.Paint(rung, job->views, frame.frame(), &picture.report);
  picture.took = gst_util_get_timestamp() - begin;
  if (!status.ok())
    GST_WARNING_OBJECT(element_, "not refined: %s", status.message().c_str());
  if (!status.ok() || picture.report.interrupted) return false;
  if (picture.report.rows_left_out == 0) quality_.OnDecoded(rung, picture.took);
  picture.step.rung = tae::QualityName(painter_.rungs()[rung].quality);
  return true;
}

// The times that the base class gave the first picture. False where it is
// outside of the segment, and so was not shown.
bool Stream::ClipTo(const GstSegment& segment, Picture* picture) {
  if (!GST_CLOCK_TIME_IS_VALID(picture->pts)) return true;
  const bool ends = GST_CLOCK_TIME_IS_VALID(picture->duration);
  guint64 begin = picture->pts;
  guint64 end = ends ? begin + picture->duration : GST_CLOCK_TIME_NONE;
  if (!gst_segment_clip(&segment, GST_FORMAT_TIME, begin, end, &begin, &end))
    return false;
  picture->pts = begin;
  if (ends) picture->duration = end - begin;
  return true;
}

// The better picture is due when it is there, so that it is not late, but
// before the next latent.
bool Stream::PushRefined(Refinement* job, GstPtr<GstBuffer> buffer) {
  Picture picture = job->picture;
  GstClockTime later = gst_util_get_timestamp() - job->shown;
  if (GST_CLOCK_TIME_IS_VALID(picture.duration) && picture.duration > 0) {
    later = std::min(later, picture.duration - 1);
    picture.duration -= later;
  }
  if (GST_CLOCK_TIME_IS_VALID(picture.pts)) picture.pts += later;
  if (GST_CLOCK_TIME_IS_VALID(picture.pts) &&
      !gst_segment_clip(&job->segment, GST_FORMAT_TIME, picture.pts,
                        GST_CLOCK_TIME_NONE, nullptr, nullptr))
    return false;
  gst_buffer_foreach_meta(job->latent.get(), CopyUntagged, buffer.get());
  SetLatentStep(buffer.get(), picture.step);
  GST_BUFFER_PTS(buffer.get()) = picture.pts;
  GST_BUFFER_DURATION(buffer.get()) = picture.duration;
  if (picture.report.nonfinite > 0)
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_CORRUPTED);
  {
    std::lock_guard lock(mutex_);
    ++stats_.refined;
    stats_.rows_left_out += guint64(picture.report.rows_left_out);
    stats_.rung = picture.step.rung;
  }
  if (job->post_messages) PostStep(picture, job->segment);
  GST_LOG_OBJECT(element_, "refined to rung %s in %" GST_TIME_FORMAT,
                 picture.step.rung.c_str(), GST_TIME_ARGS(picture.took));
  return gst_pad_push(GST_VIDEO_DECODER_SRC_PAD(element_), buffer.release()) ==
         GST_FLOW_OK;
}

}  // namespace taegst
