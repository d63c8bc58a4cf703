// Decodes measured: how long, in what memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tae/decoder.h"
#include "tae/parallel.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae::tool {

struct MeasureRequest {
  std::shared_ptr<const Model> model;
  Precision precision = Precision::kAuto;
  Backend backend = Backend::kAuto;
  std::string cpu;  // "" = the best
  std::shared_ptr<ParallelFor> parallel;
  Extent size;   // of the full picture, in pixels
  int rung = 0;  // of the model
  int iterations = 10;
};

// Milliseconds.
struct Times {
  double average, median, p10, p90, least, most;
};

// `times` is not empty. A share of the sorted times is the nearest one.
Times Summarise(std::vector<double> times);

struct Measured {
  Times times;
  PlanStats stats;
  double peak_mebibytes = 0;   // of the process, while it measured
  double above_mebibytes = 0;  // of that, above model, latent and frame
};

// Decodes a seeded, normally distributed latent into an RGB frame; two decodes
// warm up. Errors: as Decoder's.
StatusOr<Measured> Measure(const MeasureRequest& request);

// From one thread to request.parallel's workers: medians of rounds in which a
// decode and a loop of nothing but products run on one thread, then on all.
struct Scaling {
  int threads = 0;
  double decode = 0;  // times as fast
  double fma = 0;     // what the machine gives at that moment
};
StatusOr<Scaling> MeasureScaling(const MeasureRequest& request);

}  // namespace tae::tool
