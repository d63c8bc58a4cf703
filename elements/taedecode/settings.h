// What the properties of taedecode say.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <string>

#include "tae/open_best.h"
#include "tae/types.h"
#include "taedecode/batch_grid.h"
#include "taedecode/history_settings.h"
#include "taedecode/quality_settings.h"

namespace taegst {

using tae::Method;

// May change while a stream runs.
struct LiveSettings {
  HistorySettings history;
  bool doctor = true;
  guint every = 1;
  bool post_messages = false;
};

// Taken over when the element goes from READY to PAUSED.
struct Settings {
  std::string variant;  // any name of a space; "" = auto
  std::string model_file;
  Method method = Method::kAuto;
  tae::Precision precision = tae::Precision::kAuto;
  QualitySettings quality;
  std::string batch = "grid";
  bool change_only = true;
  guint threads = 0;  // 0 = as many as CPUs
  int nice = 0;
  guint64 max_pixels = uint64_t{1} << 26;  // 8192 x 8192
  LiveSettings live;
};

GType MethodGetType();  // GstTaeMethod, values of Method
// "builtin": the nick of a value.
std::string MethodName(Method method);
GType PrecisionGetType();  // GstTaePrecision, values of tae::Precision

}  // namespace taegst
