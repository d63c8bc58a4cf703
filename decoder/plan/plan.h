// A plan: what runs for one model, one latent size, one precision, one format.
// Pure data, immutable, printable.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/model_spec.h"
#include "plan/step.h"
#include "tae/decoder.h"
#include "tae/status.h"

namespace tae {

// Pixels of the decoded picture that a plan accepts at most: 16384 x 16384. A
// caller that wants less (an element's max-pixels) checks before.
inline constexpr int64_t kMaxPlanPixels = int64_t{1} << 28;

struct Plan {
  PlanKey key;
  std::string architecture;
  int latent_channels = 0;
  int pixels_per_latent = 8;  // of this rung
  std::string rung;
  Extent frame;  // pixels
  std::vector<Step> steps;
  std::vector<Tensor> tensors;
  std::vector<double> flops;  // of each step: the direct count, 2 a MAC

  double total_flops() const;
  // Whether a step needs the whole plane before its first row. Then every pixel
  // depends on the whole latent.
  bool has_barrier() const;
};

// Errors: kInvalidArgument (size, rung), kUnsupported (layers that no step
// does).
StatusOr<Plan> CompilePlan(const ModelSpec& spec, const PlanKey& key);

// What only the executor knows of a step.
struct StepNote {
  std::string kernel;  // "conv3x3_f64__scalar"
  size_t bytes = 0;    // that the output occupies
};

// One line a step: index, kind, layer, shapes, epilogue, kernel, bytes, flops.
std::string Dump(const Plan& plan,
                 const std::function<StepNote(int step)>& note);

}  // namespace tae
