#include "taedecode/quality_policy.h"

#include <algorithm>
#include <utility>

namespace taegst {
namespace {

constexpr guint kLeastPatience = 4;
constexpr guint kMostPatience = 64;

GstClockTime Averaged(GstClockTime average, GstClockTime value) {
  return average == 0 ? value : (3 * average + value) / 4;
}

}  // namespace

void QualityPolicy::SetRungs(const std::vector<tae::LadderRung>& rungs) {
  costs_.clear();
  const tae::LadderRung& best = rungs.back();
  for (const tae::LadderRung& rung : rungs) {
    const bool measured = rung.time_ratio > 0 && best.time_ratio > 0;
    costs_.push_back(measured ? rung.time_ratio / best.time_ratio
                              : rung.share / best.share);
  }
  took_.assign(costs_.size(), 0);
  current_ = this->best();
  patience_ = kLeastPatience;
  raised_ = false;
  Reset();
}

void QualityPolicy::OnQos(GstClockTimeDiff jitter) {
  jitter_.store(jitter);
  if (jitter > 0) late_count_.fetch_add(1);
}

void QualityPolicy::Reset() {
  in_time_ = 0;
  jitter_.store(0);
  lowered_at_ = late_count_.load();
  last_ = GST_CLOCK_TIME_NONE;
}

std::optional<size_t> QualityPolicy::Choose(GstClockTime running_time,
                                            bool late) {
  MeasureInterval(running_time);
  if (late) return Lower();
  Raise();
  return current_;
}

void QualityPolicy::MeasureInterval(GstClockTime running_time) {
  if (GST_CLOCK_TIME_IS_VALID(last_) && GST_CLOCK_TIME_IS_VALID(running_time) &&
      running_time > last_)
    interval_ = Averaged(interval_, running_time - last_);
  last_ = running_time;
}

// Between two latents, with a tenth to spare.
bool QualityPolicy::Fits(size_t rung) const {
  return interval_ == 0 || Estimate(rung) <= interval_ - interval_ / 10;
}

std::optional<size_t> QualityPolicy::Lower() {
  in_time_ = 0;
  const guint late_count = late_count_.load();
  // What downstream said before the last step down is no news.
  if (late_count == lowered_at_ && current_ < best()) return current_;
  if (current_ == 0) return std::nullopt;
  lowered_at_ = late_count;
  // The last climb was too bold.
  if (std::exchange(raised_, false))
    patience_ = std::min(2 * patience_, kMostPatience);
  --current_;
  while (current_ > 0 && !Fits(current_)) --current_;
  return current_;
}

void QualityPolicy::Raise() {
  if (current_ == best()) {
    if (++in_time_ >= kMostPatience) patience_ = kLeastPatience;
    return;
  }
  const GstClockTimeDiff longer =
      GST_CLOCK_DIFF(Estimate(current_), Estimate(current_ + 1));
  if (-jitter_.load() < longer) {
    in_time_ = 0;
    return;
  }
  if (++in_time_ < patience_) return;
  if (!Fits(current_ + 1)) {
    // The machine may have been busy then: what was measured fades.
    took_[current_ + 1] -= took_[current_ + 1] / 32;
    return;
  }
  ++current_;
  raised_ = true;
  in_time_ = 0;
}

void QualityPolicy::OnDecoded(size_t rung, GstClockTime took) {
  took_[rung] = Averaged(took_[rung], took);
}

GstClockTime QualityPolicy::Estimate(size_t rung) const {
  if (took_[rung] != 0) return took_[rung];
  // From the nearest in price that was measured, the dearer one first: what a
  // cheap rung takes is not all arithmetic.
  for (size_t i = rung + 1; i < costs_.size(); ++i)
    if (took_[i] != 0)
      return static_cast<GstClockTime>(double(took_[i]) * costs_[rung] /
                                       costs_[i]);
  for (size_t i = rung; i-- > 0;)
    if (took_[i] != 0)
      return static_cast<GstClockTime>(double(took_[i]) * costs_[rung] /
                                       costs_[i]);
  return 0;
}

size_t QualityPolicy::BestWithin(GstClockTime limit) const {
  for (size_t rung = costs_.size(); rung-- > 1;) {
    const GstClockTime estimate = Estimate(rung);
    if (estimate != 0 && estimate <= limit) return rung;
  }
  return 0;
}

std::optional<size_t> QualityPolicy::After(size_t rung) const {
  for (size_t next = rung + 1; next < best(); ++next)
    if (2 * Estimate(next) <= Estimate(best())) return next;
  if (rung == best()) return std::nullopt;
  return best();
}

}  // namespace taegst
