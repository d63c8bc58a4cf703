// How far a generation is, from the metas of its latents or frames, in words.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "common/latent_meta.h"

namespace taegst {

// What the words tell. GstTaeProgressShow, flags.
enum ProgressShow : guint {
  kShowStep = 1 << 0,   // "Step 12/28"
  kShowSigma = 1 << 1,  // "σ 0.540"
  kShowTime = 1 << 2,   // "0:04, 0:06 left"
  kShowRung = 1 << 3,   // "stage3", where the meta says one
};
inline constexpr guint kShowAll =
    kShowStep | kShowSigma | kShowTime | kShowRung;

// The property "show" of elements that draw or write the words; floating.
GParamSpec* ProgressShowSpec();

struct Progress {
  LatentStep step;
  std::optional<double> fraction;         // done, in [0,1]
  std::optional<GstClockTime> elapsed;    // since the first one that was seen
  std::optional<GstClockTime> remaining;  // at the pace so far
};

// Follows one stream.
class ProgressClock {
 public:
  // The next frame, in order; time: its running time, or none.
  Progress Add(const LatentStep& step, GstClockTime time);
  void Reset() { first_.reset(); }

 private:
  struct Seen {
    LatentStep step;
    double position = 0;  // in steps
    GstClockTime time = GST_CLOCK_TIME_NONE;
  };

  bool Begins(const LatentStep& step) const;

  std::optional<Seen> first_;  // of the generation
  LatentStep last_;
};

// The running time of a frame, or none where its segment counts bytes.
GstClockTime RunningTime(const GstSegment* segment, GstBuffer* frame);

// "Step 12/28 · σ 0.540 · 0:04, 0:06 left"; "" where nothing is known. Lines
// may break behind a dot only.
std::string ProgressText(const Progress& progress, guint show);

}  // namespace taegst
