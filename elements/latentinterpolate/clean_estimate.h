// Estimates of x0 in place of noisy latents. What lies between two noisy ones
// denoises to the estimate of the newer one all the way, so a film of them
// would go by jerks; estimates can be gone between.
#pragma once

#include <gst/gst.h>

#include <vector>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "tae/denoise.h"
#include "tae/status.h"

namespace taegst {

// Whether latents of these caps are noisy in a way that can be undone.
bool CanDenoise(const LatentInfo& info);

class CleanEstimate {
 public:
  // CanDenoise(info).
  explicit CleanEstimate(const LatentInfo& info);

  // The estimate, of the same type and with all else that the latent has; the
  // latent itself where its meta has no usable sigma or its size is wrong.
  // Errors: kOutOfMemory.
  tae::StatusOr<GstPtr<GstBuffer>> Of(GstPtr<GstBuffer> latent);

 private:
  const LatentInfo info_;
  tae::Denoiser denoiser_;
  std::vector<float> estimate_;
};

}  // namespace taegst
