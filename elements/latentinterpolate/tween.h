// From latents at any times to latents at a constant rate: which ones lie
// between two steps, when, and what their meta says.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "tae/interpolate.h"
#include "tae/status.h"

namespace taegst {

// Steps further apart than this have nothing between them.
inline constexpr GstClockTime kLongestStep = 60 * GST_SECOND;

// A latent is continued by the next one when both are of one generation; then
// latents between them go out, evenly spaced. One that is not continued (the
// last of a generation) goes out as it came: at the begin of its time and, if
// that is longer than a frame, in the last two frames of it, so that videorate
// fills all of it. A final one does not wait, for none can continue it.
class Tween {
 public:
  // hold: how long the last latent of a generation is shown; the next
  // generation begins after it. 0: as the timestamps say.
  Tween(tae::Interpolation how, GstClockTime hold)
      : interpolator_(how), hold_(hold) {}

  // The format of all that follows, and latents a second; with another format,
  // the latent that waits is forgotten.
  void SetFormat(const LatentInfo& info, int fps_n, int fps_d);

  // The next latent, with a timestamp. To be called when Pull has nothing more.
  // Errors: kInvalidArgument (size, no timestamp), kOutOfMemory.
  tae::Status Push(GstPtr<GstBuffer> latent);

  // The next one to go out; null when another latent is needed.
  tae::StatusOr<GstPtr<GstBuffer>> Pull();

  // Nothing continues the latent that waits: Pull may have it.
  void EndGeneration() { ended_ = true; }

  // Whether a latent waits.
  bool pending() const { return older_ != nullptr; }

  // The longest time so far that a latent waited for the one after it.
  GstClockTime longest_step() const { return longest_step_; }

  // Forgets latents and times.
  void Reset();

 private:
  bool Repeats(GstBuffer* latent) const;
  bool Continues() const;
  GstClockTime Frame() const;
  GstClockTime NextTime() const;
  void MoveTo(GstBuffer* latent);
  void Forget();
  tae::StatusOr<GstPtr<GstBuffer>> MakeBetween(GstClockTime time);
  GstPtr<GstBuffer> TakeWhole(GstClockTime end);
  GstPtr<GstBuffer> TakeClosing();
  GstPtr<GstBuffer> TakeLast();

  tae::Interpolator interpolator_;
  const GstClockTime hold_;
  LatentInfo info_;
  int fps_n_ = 30;
  int fps_d_ = 1;
  GstPtr<GstBuffer> older_;
  GstPtr<GstBuffer> newer_;     // null while older_ waits for it
  GstPtr<GstBuffer> closing_;   // older_ again, for the end of its time
  guint64 closings_ = 0;        // how often it is still to go out
  bool continues_ = false;      // newer_ is of older_'s generation
  bool ended_ = false;          // older_ need not wait
  GstClockTime base_ = 0;       // of the evenly spaced times
  guint64 number_ = 0;          // of the next one, from the base
  GstClockTimeDiff shift_ = 0;  // of timestamps, by what was held so far
  std::optional<GstClockTime> resume_;    // when the next generation begins
  std::optional<LatentStep> last_final_;  // the last latent that went out
  GstClockTime longest_step_ = 0;
};

}  // namespace taegst
