// Which latents of a stream are worth decoding.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <optional>
#include <string>

#include "common/latent_meta.h"

namespace taegst {

enum class Verdict {
  kDecode,
  kSkip,  // not one of each `every`
  kLate,  // its picture would come too late to be shown
};

// The first latent of a generation and the final one are always decoded. A
// generation begins after a start, a flush, a DISCONT, a final latent, or where
// the step number does not grow or the prompt-id is another.
class DecodePolicy {
 public:
  struct Latent {
    bool discont = false;
    std::optional<LatentStep> step;
    GstClockTime running_time = GST_CLOCK_TIME_NONE;
  };

  // A QoS event from downstream; any thread.
  void OnQos(GstClockTimeDiff jitter, GstClockTime running_time);

  // Forgets lateness and position, as after a flush.
  void Reset();

  // The next latent begins a generation: its caps are new.
  void BeginGeneration() { fresh_ = true; }

  // Says what to do with the next latent. drop_late: the qos property.
  Verdict Judge(const Latent& latent, guint every, bool drop_late);

  // Whether the latent judged last is the first of its generation.
  bool began_generation() const { return position_ == 0; }

 private:
  bool BeginsGeneration(const Latent& latent) const;

  std::atomic<GstClockTime> earliest_{GST_CLOCK_TIME_NONE};
  bool fresh_ = true;
  std::optional<guint> last_step_;
  std::string last_prompt_id_;
  guint64 position_ = 0;  // in the generation
};

}  // namespace taegst
