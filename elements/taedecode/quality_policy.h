// Which rung of the ladder the next latent is decoded on, by how long each
// takes here and how late pictures come downstream.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <optional>
#include <vector>

#include "tae/ladder.h"

namespace taegst {

// Threads: OnQos in any; the rest one caller at a time.
class QualityPolicy {
 public:
  // The rungs from now on, the cheapest first; not empty. What was measured is
  // forgotten.
  void SetRungs(const std::vector<tae::LadderRung>& rungs);

  // A QoS event from downstream.
  void OnQos(GstClockTimeDiff jitter);

  // Forgets lateness, as after a flush.
  void Reset();

  // The rung for a latent that is due at running_time. late: it would come too
  // late if it took as long as those before. Each late picture lowers the rung
  // once; a row of pictures in time raises it where a dearer one fits between
  // two latents. Nothing: it is late on the lowest rung too.
  std::optional<size_t> Choose(GstClockTime running_time, bool late);

  void OnDecoded(size_t rung, GstClockTime took);

  // How long a rung takes: as measured, or from others by their share of the
  // work; 0 while nothing is known.
  GstClockTime Estimate(size_t rung) const;

  // The best rung that takes no longer than `limit`, else the lowest.
  size_t BestWithin(GstClockTime limit) const;

  // The next rung to show while a picture is refined: not worth its time is one
  // that takes more than half as long as the best. Nothing: `rung` is the best.
  std::optional<size_t> After(size_t rung) const;

  size_t best() const { return costs_.size() - 1; }

 private:
  void MeasureInterval(GstClockTime running_time);
  bool Fits(size_t rung) const;
  std::optional<size_t> Lower();
  void Raise();

  std::vector<double> costs_;       // of each rung, of the best one's time
  std::vector<GstClockTime> took_;  // a moving average; 0 = never decoded
  size_t current_ = 0;
  guint in_time_ = 0;     // pictures in a row
  bool raised_ = false;   // since it was lowered
  guint patience_ = 0;    // so many, before the rung is raised
  guint lowered_at_ = 0;  // late_count_ when it was
  GstClockTime last_ = GST_CLOCK_TIME_NONE;  // running time of a latent
  GstClockTime interval_ = 0;  // between latents, a moving average; 0 = unknown
  std::atomic<guint> late_count_{0};
  std::atomic<GstClockTimeDiff> jitter_{0};
};

}  // namespace taegst
