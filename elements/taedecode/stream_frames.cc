// One stream's pictures: judge, decode, tell.
#include <algorithm>
#include <utility>

#include "common/status_gst.h"
#include "taedecode/stream.h"

#define GST_CAT_DEFAULT gst_tae_decode_debug
GST_DEBUG_CATEGORY_EXTERN(GST_CAT_DEFAULT);

namespace taegst {
namespace {

std::string StepText(const std::optional<LatentStep>& step) {
  return step && step->step
             ? "the latent of step " + std::to_string(*step->step)
             : "a latent";
}

// The base class has the property `qos` but no getter.
bool DropsLate(GstVideoDecoder* element) {
  gboolean qos = TRUE;
  g_object_get(element, "qos", &qos, nullptr);
  return qos != FALSE;
}

}  // namespace

tae::Status Stream::CheckBuffer(GstBuffer* buffer) const {
  const size_t found = gst_buffer_get_size(buffer);
  if (found == latent_->size()) return {};
  return tae::InvalidArgument(
      "a latent of " + std::to_string(latent_->channels) + "x" +
      std::to_string(latent_->extent.height) + "x" +
      std::to_string(latent_->extent.width) + " " +
      std::string(FormatName(latent_->dtype)) +
      (latent_->batch > 1 ? ", batch=" + std::to_string(latent_->batch) + ","
                          : "") +
      " must have " + std::to_string(latent_->size()) +
      " bytes, the buffer has " + std::to_string(found));
}

GstClockTime Stream::RunningTime(GstClockTime pts) const {
  return gst_segment_to_running_time(&element_->input_segment, GST_FORMAT_TIME,
                                     pts);
}

void Stream::DropHeld() {
  if (!held_) return;
  const bool late = held_->verdict == Verdict::kLate;
  {
    std::lock_guard lock(mutex_);
    ++(late ? stats_.dropped : stats_.skipped);
  }
  GST_LOG_OBJECT(element_, "latent passed over: %s",
                 late ? "too late" : "not the every-th");
  if (late) gst_video_decoder_drop_frame(element_, held_->frame.release());
  held_.reset();
}

GstFlowReturn Stream::HandleFrame(FramePtr frame, const LiveSettings& live) {
  GstBuffer* buffer = frame->input_buffer;
  if (live.history.change_threshold == 0 && PassOverRepeated(buffer))
    return GST_FLOW_OK;
  EndRefinement();
  DropHeld();
  const auto step = GetLatentStep(buffer);
  if (untold_) TellOnce(*std::exchange(untold_, std::nullopt), step);
  if (!latent_) return PassOverRefused(std::move(frame));
  if (const tae::Status status = CheckBuffer(buffer); !status.ok())
    return Refuse(std::move(frame), status);
  if (!sign_text_.empty()) return ShowSign(std::move(frame), step, live);
  const Verdict verdict = policy_.Judge(
      {.discont = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) != 0,
       .step = step,
       .running_time = RunningTime(frame->pts)},
      live.every, DropsLate(element_));
  if (policy_.began_generation()) history_->Reset();
  if (const tae::Status status = Remember(buffer, step, live); !status.ok())
    return Refuse(std::move(frame), status);
  CheckUp(buffer, step, live);
  // The rungs to choose from are those of the format that comes of this.
  if (const auto flow = SettleOutput(step)) return *flow;
  if (const auto rung = ChooseRung(frame.get(), step, verdict))
    return CanRepeat(step, *rung, live)
               ? Repeat(std::move(frame), step, live)
               : Decode(std::move(frame), step, *rung, live);
  held_.emplace(Held{std::move(frame), verdict});
  return GST_FLOW_OK;
}

// Also of a latent that is not decoded: the next one's estimate needs it.
tae::Status Stream::Remember(GstBuffer* buffer,
                             const std::optional<LatentStep>& step,
                             const LiveSettings& live) {
  const ReadMap latent(buffer);
  if (!latent.ok()) return tae::DataLoss("the latent's memory is not readable");
  TAE_RETURN_IF_ERROR(
      history_->Add(latent.data(), step, live.history,
                    live.post_messages || live.history.change_threshold > 0));
  if (const std::string note = history_->TakeNote(); !note.empty())
    PostInfo(GST_ELEMENT(element_), {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT},
             note);
  std::lock_guard lock(mutex_);
  stats_.denoise = history_->denoise();
  return {};
}

void Stream::CheckUp(GstBuffer* buffer, const std::optional<LatentStep>& step,
                     const LiveSettings& live) {
  if (policy_.began_generation()) checkup_.BeginGeneration();
  if (!live.doctor) return;
  checkup_.Look(
      GST_ELEMENT(element_),
      {.buffer = buffer,
       .info = *latent_,
       .variant = chosen_->info().variant,
       .noisy = latent_->noisy || live.history.denoise == Denoise::kOn,
       .final = step && step->final});
}

GstFlowReturn Stream::DecodeHeld(const LiveSettings& live) {
  refiner_.Finish();
  refined_.reset();
  if (!held_) return GST_FLOW_OK;
  FramePtr frame = std::move(held_->frame);
  held_.reset();
  const auto step = GetLatentStep(frame->input_buffer);
  if (const auto flow = SettleOutput(step)) return *flow;
  return Decode(std::move(frame), step, quality_.best(), live);
}

void Stream::Flush() {
  useless_.store(false);
  refiner_.Interrupt();
  refined_.reset();
  held_.reset();
  policy_.Reset();
  quality_.Reset();
}

// Nothing where the latent is passed over. The final one is worth the wait.
std::optional<size_t> Stream::ChooseRung(const GstVideoCodecFrame* frame,
                                         const std::optional<LatentStep>& step,
                                         Verdict verdict) {
  if (verdict == Verdict::kSkip) return std::nullopt;
  const auto rung =
      quality_.Choose(RunningTime(frame->pts), verdict == Verdict::kLate);
  if (!rung) return std::nullopt;
  if (RefinesPictures())
    return std::min(*rung, quality_.BestWithin(settings_.quality.max_latency));
  return step && step->final ? quality_.best() : *rung;
}

// The picture of a frame, in the format that is negotiated. Nothing: it is
// drawn. Else the frame is gone, and this is what to return.
std::optional<GstFlowReturn> Stream::DrawFrame(FramePtr* frame, size_t rung,
                                               Picture* picture) {
  const GstFlowReturn allocated = NewFrame(frame->get());
  if (allocated != GST_FLOW_OK) return allocated;
  const GstClockTime begin = gst_util_get_timestamp();
  const tae::Status status = DecodeInto(frame->get(), rung, &picture->report);
  picture->took = gst_util_get_timestamp() - begin;
  if (!status.ok()) return Refuse(std::move(*frame), status);
  if (picture->report.interrupted) {
    GST_DEBUG_OBJECT(element_, "decode cancelled");
    std::lock_guard lock(mutex_);
    ++stats_.cancelled;
    return GST_FLOW_FLUSHING;
  }
  if (picture->report.rows_left_out == 0)
    quality_.OnDecoded(rung, picture->took);
  return std::nullopt;
}

GstFlowReturn Stream::Decode(FramePtr frame,
                             const std::optional<LatentStep>& step, size_t rung,
                             const LiveSettings& live) {
  Picture picture{.pts = frame->pts,
                  .duration = frame->duration,
                  .step = step.value_or(LatentStep{}),
                  .report = {}};
  if (const auto flow = DrawFrame(&frame, rung, &picture)) return *flow;
  if (IsOutdated()) {  // once: who changes all the time gets what comes next
    gst_clear_buffer(&frame->output_buffer);
    if (const auto flow = SettleOutput(step)) return *flow;
    rung = std::min(rung, quality_.best());
    if (const auto flow = DrawFrame(&frame, rung, &picture)) return *flow;
  }
  history_->MarkDecoded();
  if (live.history.change_threshold > 0)
    KeepPicture(ShownFormat(), frame->output_buffer, rung);
  else
    last_picture_.Clear();
  TellRung(frame.get(), &picture.step, rung);
  {
    std::lock_guard lock(mutex_);
    stats_.AddDecoded(picture.took);
    stats_.rows_left_out += guint64(picture.report.rows_left_out);
    if (picture.report.nonfinite > 0) ++stats_.corrupted;
  }
  GST_LOG_OBJECT(element_, "%s decoded on rung %s in %" GST_TIME_FORMAT,
                 StepText(step).c_str(), picture.step.rung.c_str(),
                 GST_TIME_ARGS(picture.took));
  if (GST_BUFFER_FLAG_IS_SET(frame->input_buffer, GST_BUFFER_FLAG_DISCONT))
    GST_BUFFER_FLAG_SET(frame->output_buffer, GST_BUFFER_FLAG_DISCONT);
  if (picture.report.nonfinite > 0)
    MarkCorrupted(frame.get(), step, picture.report.nonfinite);
  if (live.post_messages) PostStep(picture, element_->input_segment);
  ReportLatency(picture.took);
  if (RefinesPictures() && rung < quality_.best())
    return FinishAndRefine(std::move(frame), std::move(picture), rung, live);
  return Finish(std::move(frame));
}

std::vector<tae::LatentView> Stream::ShownLatents(const void* bytes) const {
  const GridShape& grid = output_->size.grid;
  std::vector<tae::LatentView> views;
  for (int i = 0; i < grid.count; ++i)
    views.push_back(history_->View(bytes, grid.first + i));
  return views;
}

tae::Status Stream::DecodeInto(GstVideoCodecFrame* frame, size_t rung,
                               tae::DecodeReport* report) {
  const ReadMap latent(frame->input_buffer);
  if (!latent.ok()) return tae::DataLoss("the latent's memory is not readable");
  const GstPtr<GstVideoCodecState> state(
      gst_video_decoder_get_output_state(element_));
  FrameMap shown(&state->info, frame->output_buffer);
  if (!shown.ok())
    return tae::DataLoss("the frame's memory is not writable as video");
  // Set again: ending the refinement of the picture before has cleared it.
  if (useless_) cancel_->store(true);
  return painter_.Paint(rung, ShownLatents(latent.data()), shown.frame(),
                        report);
}

// The base class copies the input's metas to the frame.
void Stream::TellRung(GstVideoCodecFrame* frame, LatentStep* step,
                      size_t rung) {
  step->rung = tae::QualityName(painter_.rungs()[rung].quality);
  frame->input_buffer = gst_buffer_make_writable(frame->input_buffer);
  SetLatentStep(frame->input_buffer, *step);
  std::lock_guard lock(mutex_);
  stats_.rung = step->rung;
}

void Stream::MarkCorrupted(GstVideoCodecFrame* frame,
                           const std::optional<LatentStep>& step,
                           gint64 nonfinite) {
  GST_VIDEO_CODEC_FRAME_FLAG_SET(frame, GST_VIDEO_CODEC_FRAME_FLAG_CORRUPTED);
  if (std::exchange(warned_nonfinite_, true)) return;
  const size_t scalars = latent_->size() / tae::SizeOf(latent_->dtype);
  PostWarning(GST_ELEMENT(element_),
              {GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE},
              std::to_string(nonfinite) + " of " + std::to_string(scalars) +
                  " numbers in " + StepText(step) +
                  " are NaN or infinite and were decoded as 0.");
}

void Stream::PostStep(const Picture& picture, const GstSegment& segment) {
  const DecodeStats stats = this->stats();
  GstStructure* s = gst_structure_new(
      "latent-step", "timestamp", G_TYPE_UINT64, picture.pts, "duration",
      G_TYPE_UINT64, picture.duration, "stream-time", G_TYPE_UINT64,
      gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, picture.pts),
      "running-time", G_TYPE_UINT64,
      gst_segment_to_running_time(&segment, GST_FORMAT_TIME, picture.pts),
      "decode-time", G_TYPE_UINT64, picture.took, "nonfinite", G_TYPE_INT64,
      picture.report.nonfinite, "decoded", G_TYPE_UINT64, stats.decoded,
      "skipped", G_TYPE_UINT64, stats.skipped, "dropped", G_TYPE_UINT64,
      stats.dropped, "method", G_TYPE_STRING, stats.method.c_str(), nullptr);
  AddStepFields(s, picture.step);
  history_->AddFields(s);
  gst_element_post_message(GST_ELEMENT(element_),
                           gst_message_new_element(GST_OBJECT(element_), s));
}

void Stream::ReportLatency(GstClockTime took) {
  const auto latency = latency_.Add(took);
  if (!latency || !IsLive()) return;
  GST_INFO_OBJECT(element_, "latency is now %" GST_TIME_FORMAT,
                  GST_TIME_ARGS(*latency));
  gst_video_decoder_set_latency(element_, *latency, *latency);
}

}  // namespace taegst
