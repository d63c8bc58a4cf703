// What a stream has come to so far, and how long a picture takes.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "common/gst_ptr.h"

namespace taegst {

struct DecodeStats {
  guint64 decoded = 0;
  guint64 repeated = 0;       // shown again, by `change-threshold`
  guint64 rows_left_out = 0;  // of decoded and refined pictures
  guint64 skipped = 0;        // by `every`, or repeats while refining
  guint64 dropped = 0;        // too late
  guint64 corrupted = 0;      // decoded, but with NaN or Inf in the latent
  guint64 refined = 0;        // pictures shown again, better
  guint64 refused = 0;        // not a latent of these caps, or not shown
  guint64 cancelled = 0;      // by a flush, while they were decoded
  GstClockTime last_decode_time = 0;
  GstClockTime total_decode_time = 0;
  GstClockTime total_repeat_time = 0;
  std::string variant;
  std::string method;   // "tae", "builtin" or "linear"
  std::string weights;  // file, "" for built-in
  std::string rung;     // of the newest picture: "full", "builtin", "stage3"...
  std::string denoise = "none";  // how the newest latent was

  void AddDecoded(GstClockTime took);
  void AddRepeated(GstClockTime took);
  // How many times as long decoding every latent would have taken.
  double SpeedUp() const;
};

// As the `stats` property shows it.
GstPtr<GstStructure> StatsStructure(const DecodeStats& stats);

// The latency to report: a moving average of the decode time. It only grows,
// and only when exceeded by a quarter, for each change disturbs the pipeline.
class LatencyEstimate {
 public:
  // The new latency if it must be reported.
  std::optional<GstClockTime> Add(GstClockTime took);

 private:
  GstClockTime average_ = 0;
  GstClockTime reported_ = 0;
};

}  // namespace taegst
