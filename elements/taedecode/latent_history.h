// What the latents of one input format say together: the clean picture in the
// noisy ones, and how much it still changes.
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
#include "tae/latent_change.h"
#include "tae/status.h"
#include "tae/types.h"
#include "taedecode/history_settings.h"

namespace taegst {

// Sees every latent of a stream in order, those too that are not decoded: the
// estimate of x0 needs successive ones. Latents of a batch have their step and
// noise in common; their change is that of all together.
class LatentHistory {
 public:
  LatentHistory(const LatentInfo& info, tae::NoiseProcess process)
      : info_(info), denoiser_({.process = process}) {}

  // The next latent begins a generation.
  void Reset();

  // Takes the newest latent, info.size() bytes. measure: change() is wanted.
  // Errors: kOutOfMemory.
  tae::Status Add(const void* bytes, const std::optional<LatentStep>& step,
                  const HistorySettings& settings, bool measure);

  // What to decode for one latent of the newest buffer, whose bytes are still
  // these. Lives until the next Add.
  tae::LatentView View(const void* bytes, int item = 0) const;

  // How the newest latent was denoised: "none", or as tae::ToString.
  std::string_view denoise() const { return denoise_; }

  // Of the newest latent: of its clean estimate, where there is one.
  const tae::LatentChange& change() const { return change_; }

  // The newest latent's picture was decoded, or is an older one's.
  void MarkDecoded();
  void MarkRepeated() { repeated_ = true; }

  // `denoise`, `repeated`, `converged`, and where they are known `change` and
  // `accumulated-change`, for a message.
  void AddFields(GstStructure* structure) const;

  // A sentence that says why noise stays in the pictures; the first reason
  // only, and only once.
  std::string TakeNote();

 private:
  tae::Status Clean(const void* bytes, const std::optional<LatentStep>& step,
                    Denoise mode);
  tae::Status Estimate(const void* bytes, double sigma);
  tae::Status Measure(const void* bytes,
                      const tae::ConvergenceOptions& convergence);
  void Note(std::string reason);

  const LatentInfo info_;
  tae::Denoiser denoiser_;
  std::vector<float> estimate_;  // of x0; empty = the latent is used as it came
  std::string_view denoise_ = "none";
  tae::ChangeMeter meter_;
  tae::LatentChange change_;
  bool repeated_ = false;
  std::string note_;
  bool noted_ = false;
};

// Whether a latent of these caps is taken for a noisy one.
bool TakesNoise(Denoise mode, const LatentInfo& info);

}  // namespace taegst
