// How good, how large and how soon pictures should be.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "tae/ladder.h"

namespace taegst {

struct QualitySettings {
  std::optional<tae::Quality> quality;  // nothing = auto
  int scale = 0;       // sides are divided by it: 1, 2, 4, 8; 0 = as negotiated
  guint max_size = 0;  // pixels of the longer side, where negotiated; 0 = any
  bool anytime = false;
  double cpu_share = 1;                         // of the time, for refinement
  GstClockTime max_latency = 40 * GST_MSECOND;  // of a first picture
};

GType QualityGetType();  // GstTaeQuality: 0 = auto, else 1 + tae::Quality
GType ScaleGetType();    // GstTaeScale, values of QualitySettings::scale

}  // namespace taegst
