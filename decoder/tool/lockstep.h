// Two executors of one plan run side by side, tensor by tensor, so that no
// tensor needs to be kept.
#pragma once

#include <functional>
#include <memory>

#include "exec/executor.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae::tool {

// The same step of both: [extent.height][extent.width][channels] floats.
struct StepPair {
  int step = 0;
  Extent extent;
  int channels = 0;
  const float* found = nullptr;
  const float* expected = nullptr;
};

// Runs both on the latent, writing both pictures, and calls visit for every
// step that both show. Errors: kUnsupported when one cannot be observed.
Status RunInLockstep(Executor& tested, Executor& reference,
                     const LatentView& latent, const FrameView& tested_frame,
                     const FrameView& reference_frame,
                     const std::function<void(const StepPair&)>& visit);

}  // namespace tae::tool
