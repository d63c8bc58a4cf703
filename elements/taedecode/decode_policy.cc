#include "taedecode/decode_policy.h"

namespace taegst {

void DecodePolicy::OnQos(GstClockTimeDiff jitter, GstClockTime running_time) {
  GstClockTime earliest = GST_CLOCK_TIME_NONE;
  if (GST_CLOCK_TIME_IS_VALID(running_time)) {
    // Late by jitter now; the next ones will be, until that much is caught up.
    const GstClockTimeDiff ahead = jitter > 0 ? 2 * jitter : jitter;
    const auto at = static_cast<GstClockTimeDiff>(running_time) + ahead;
    earliest = at > 0 ? static_cast<GstClockTime>(at) : 0;
  }
  earliest_.store(earliest);
}

void DecodePolicy::Reset() {
  earliest_.store(GST_CLOCK_TIME_NONE);
  fresh_ = true;
  last_step_.reset();
  position_ = 0;
}

bool DecodePolicy::BeginsGeneration(const Latent& latent) const {
  if (fresh_ || latent.discont) return true;
  if (latent.step && latent.step->prompt_id != last_prompt_id_) return true;
  if (latent.step && latent.step->between) return false;
  return latent.step && latent.step->step && last_step_ &&
         *latent.step->step <= *last_step_;
}

Verdict DecodePolicy::Judge(const Latent& latent, guint every, bool drop_late) {
  const bool first = BeginsGeneration(latent);
  const bool final = latent.step && latent.step->final;
  position_ = first ? 0 : position_ + 1;
  fresh_ = final;
  last_step_ = latent.step ? latent.step->step : std::nullopt;
  last_prompt_id_ = latent.step ? latent.step->prompt_id : "";
  if (first || final) return Verdict::kDecode;
  if (position_ % every != 0) return Verdict::kSkip;
  const GstClockTime earliest = earliest_.load();
  const bool late = GST_CLOCK_TIME_IS_VALID(earliest) &&
                    GST_CLOCK_TIME_IS_VALID(latent.running_time) &&
                    latent.running_time < earliest;
  return late && drop_late ? Verdict::kLate : Verdict::kDecode;
}

}  // namespace taegst
