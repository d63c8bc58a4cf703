#include "latentinterpolate/tween.h"

#include <algorithm>
#include <string>
#include <utility>

namespace taegst {
namespace {

std::optional<double> Mix(std::optional<double> a, std::optional<double> b,
                          double position) {
  if (!a || !b) return std::nullopt;
  return (1 - position) * *a + position * *b;
}

// What a latent between two steps says of itself: the step that was reached,
// the noise as it would be there.
LatentStep StepBetween(const LatentStep& a, const LatentStep& b,
                       double position) {
  LatentStep step = a;
  step.between = position;
  step.sigma = Mix(a.sigma, b.sigma, position);
  step.timestep = Mix(a.timestep, b.timestep, position);
  step.final = false;
  return step;
}

// At the end of a stream videorate gives the last frame it got one turn only,
// and takes each frame from half way to it on: so the second last frame of what
// is held has to be there too.
constexpr guint64 kClosings = 2;

LatentStep StepOf(GstBuffer* latent) {
  return GetLatentStep(latent).value_or(LatentStep{});
}

}  // namespace

void Tween::SetFormat(const LatentInfo& info, int fps_n, int fps_d) {
  if (info == info_) {
    base_ = NextTime();
    number_ = 0;
  } else {
    Forget();
  }
  info_ = info;
  fps_n_ = fps_n;
  fps_d_ = fps_d;
}

void Tween::Forget() {
  interpolator_.Reset();
  older_.reset();
  newer_.reset();
  closing_.reset();
  ended_ = false;
}

void Tween::Reset() {
  Forget();
  shift_ = 0;
  resume_.reset();
  last_final_.reset();
}

tae::Status Tween::Push(GstPtr<GstBuffer> latent) {
  if (!GST_BUFFER_PTS_IS_VALID(latent.get()))
    return tae::InvalidArgument(
        "a latent has no timestamp, so nothing can be put between it and the "
        "next; an appsrc sets one with do-timestamp=true");
  const ReadMap map(latent.get());
  if (!map.ok()) return tae::OutOfMemory("the latent cannot be mapped");
  if (map.size() != info_.size())
    return tae::InvalidArgument(
        "a latent of these caps must have " + std::to_string(info_.size()) +
        " bytes, the buffer has " + std::to_string(map.size()));
  if (Repeats(latent.get())) return {};
  TAE_RETURN_IF_ERROR(interpolator_.Push(
      map.data(), map.size() / SizeOf(info_.dtype), info_.dtype));
  ended_ = false;
  latent.reset(gst_buffer_make_writable(latent.release()));
  MoveTo(latent.get());
  if (older_) {
    newer_ = std::move(latent);
    continues_ = Continues();
  } else {
    older_ = std::move(latent);
    base_ = GST_BUFFER_PTS(older_.get());
    number_ = 0;
  }
  return {};
}

// Some sources repeat the final latent; where it is held, that says nothing.
bool Tween::Repeats(GstBuffer* latent) const {
  if (hold_ == 0 || !last_final_ || older_) return false;
  const LatentStep step = StepOf(latent);
  return step.final && step.step == last_final_->step &&
         step.prompt_id == last_final_->prompt_id;
}

// Onto the timeline in which generations are held.
void Tween::MoveTo(GstBuffer* latent) {
  const auto came = GstClockTimeDiff(GST_BUFFER_PTS(latent));
  if (resume_) shift_ = GstClockTimeDiff(*resume_) - came;
  resume_.reset();
  GST_BUFFER_PTS(latent) =
      GstClockTime(std::max<GstClockTimeDiff>(0, came + shift_));
}

bool Tween::Continues() const {
  const GstClockTime from = GST_BUFFER_PTS(older_.get());
  const GstClockTime to = GST_BUFFER_PTS(newer_.get());
  if (to <= from || to - from > kLongestStep ||
      GST_BUFFER_FLAG_IS_SET(newer_.get(), GST_BUFFER_FLAG_DISCONT))
    return false;
  const LatentStep a = StepOf(older_.get());
  const LatentStep b = StepOf(newer_.get());
  if (a.final || a.prompt_id != b.prompt_id) return false;
  return !a.step || !b.step || *a.step < *b.step;
}

GstClockTime Tween::Frame() const {
  return gst_util_uint64_scale(1, GST_SECOND * guint64(fps_d_),
                               guint64(fps_n_));
}

GstClockTime Tween::NextTime() const {
  return base_ + gst_util_uint64_scale(number_, GST_SECOND * guint64(fps_d_),
                                       guint64(fps_n_));
}

// older_ as it came, from its place among the even times up to `end` or for as
// long as it is to be held.
GstPtr<GstBuffer> Tween::TakeWhole(GstClockTime end) {
  GstPtr<GstBuffer> whole = std::move(older_);
  const GstClockTime came = GST_BUFFER_PTS(whole.get());
  const GstClockTime even = std::max(NextTime(), came);
  const GstClockTime begin = hold_ > 0 || even < end ? even : came;
  if (hold_ > 0) end = begin + hold_;
  const GstClockTime frame = Frame();
  GST_BUFFER_PTS(whole.get()) = begin;
  GST_BUFFER_DURATION(whole.get()) = end > begin ? end - begin : frame;
  if (end > begin + frame + frame / 2) {
    const guint64 frames = (end - begin + frame / 2) / frame;
    closings_ = std::min<guint64>(kClosings, frames - 1);
    closing_.reset(gst_buffer_copy(whole.get()));
    GST_BUFFER_FLAG_UNSET(closing_.get(), GST_BUFFER_FLAG_DISCONT);
    GST_BUFFER_DURATION(whole.get()) = end - closings_ * frame - begin;
    GST_BUFFER_PTS(closing_.get()) = end - closings_ * frame;
    GST_BUFFER_DURATION(closing_.get()) = frame;
  }
  last_final_ = StepOf(whole.get());
  if (!last_final_->final) last_final_.reset();
  older_ = std::move(newer_);
  if (hold_ > 0 && older_) {
    shift_ += GST_CLOCK_DIFF(GST_BUFFER_PTS(older_.get()), end);
    GST_BUFFER_PTS(older_.get()) = end;
  } else if (hold_ > 0) {
    resume_ = end;
  }
  base_ = older_ ? GST_BUFFER_PTS(older_.get()) : 0;
  number_ = 0;
  ended_ = false;
  return whole;
}

GstPtr<GstBuffer> Tween::TakeClosing() {
  if (--closings_ == 0) return std::move(closing_);
  GstPtr<GstBuffer> first(gst_buffer_copy(closing_.get()));
  GST_BUFFER_PTS(closing_.get()) += GST_BUFFER_DURATION(closing_.get());
  return first;
}

// older_ for its own time, if none can continue it.
GstPtr<GstBuffer> Tween::TakeLast() {
  if (!older_ || (!ended_ && !StepOf(older_.get()).final)) return nullptr;
  const GstClockTime begin = GST_BUFFER_PTS(older_.get());
  const GstClockTime length = GST_BUFFER_DURATION(older_.get());
  return TakeWhole(GST_CLOCK_TIME_IS_VALID(length) ? begin + length : begin);
}

tae::StatusOr<GstPtr<GstBuffer>> Tween::MakeBetween(GstClockTime time) {
  const GstClockTime from = GST_BUFFER_PTS(older_.get());
  const GstClockTime to = GST_BUFFER_PTS(newer_.get());
  const double position =
      time <= from ? 0 : double(time - from) / double(to - from);
  GstPtr<GstBuffer> made;
  if (position == 0) {
    made.reset(gst_buffer_copy(older_.get()));
  } else {
    made.reset(gst_buffer_new_allocate(nullptr, info_.size(), nullptr));
    GstMapInfo map;
    if (!made || !gst_buffer_map(made.get(), &map, GST_MAP_WRITE))
      return tae::OutOfMemory("no memory for a latent");
    const tae::Status status = interpolator_.Between(position, map.data);
    gst_buffer_unmap(made.get(), &map);
    if (!status.ok()) return status;
    const auto a = GetLatentStep(older_.get());
    const auto b = GetLatentStep(newer_.get());
    if (a && b) SetLatentStep(made.get(), StepBetween(*a, *b, position));
  }
  GST_BUFFER_PTS(made.get()) = time;
  GST_BUFFER_DURATION(made.get()) = NextTime() - time;
  return made;
}

tae::StatusOr<GstPtr<GstBuffer>> Tween::Pull() {
  if (closing_) return TakeClosing();
  if (!newer_) return TakeLast();
  const GstClockTime next = GST_BUFFER_PTS(newer_.get());
  if (!continues_) return TakeWhole(next);
  longest_step_ = std::max(longest_step_, next - GST_BUFFER_PTS(older_.get()));
  const GstClockTime time = NextTime();
  if (time < next) {
    ++number_;
    return MakeBetween(time);
  }
  older_ = std::move(newer_);
  return TakeLast();
}

}  // namespace taegst
