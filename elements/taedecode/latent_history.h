// What the latents of one input format say together: the clean picture in the
// noisy ones.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "tae/denoise.h"
#include "tae/status.h"
#include "tae/types.h"
#include "taedecode/settings.h"

namespace taegst {

// Sees every latent of a stream in order, those too that are not decoded: the
// estimate of x0 needs successive ones.
class LatentHistory {
 public:
  LatentHistory(const LatentInfo& info, tae::NoiseProcess process)
      : info_(info), denoiser_({.process = process}) {}

  // The next latent begins a generation.
  void Reset();

  // Takes the newest latent, info.size() bytes. Errors: kOutOfMemory.
  tae::Status Add(const void* bytes, const std::optional<LatentStep>& step,
                  Denoise mode);

  // What to decode for the newest latent, whose bytes are still these. Lives
  // until the next Add.
  tae::LatentView View(const void* bytes) const;

  // How the newest latent was denoised: "none", or as tae::ToString.
  std::string_view denoise() const { return denoise_; }

  // A sentence that says why noise stays in the pictures; the first reason
  // only, and only once.
  std::string TakeNote();

 private:
  tae::Status Estimate(const void* bytes, double sigma);
  void Note(std::string reason);

  const LatentInfo info_;
  tae::Denoiser denoiser_;
  std::vector<float> estimate_;  // of x0; empty = the latent is used as it came
  std::string_view denoise_ = "none";
  std::string note_;
  bool noted_ = false;
};

// Whether a latent of these caps is taken for a noisy one.
bool TakesNoise(Denoise mode, const LatentInfo& info);

}  // namespace taegst
