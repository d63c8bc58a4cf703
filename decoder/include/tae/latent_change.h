// How much a generation's latents still change: for a picture that can be shown
// again, and for a run that has settled.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "tae/export.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

struct LatentChange {
  // RMS of the difference to the latent before, over the numbers that are
  // finite in both, in the latent's units (sampler's: about unit variance).
  // Nothing for the first latent, and where no number is finite.
  std::optional<double> rms;
  // Relative changes sum |x - before| / sum |before| of all latents since the
  // last decoded one, added up, as TeaCache does (Liu et al. 2024,
  // arXiv:2411.19108). Infinite before the first was decoded, and where a
  // number is not finite.
  double accumulated = std::numeric_limits<double>::infinity();
  // rms was below the threshold in each of the last steps.
  bool converged = false;
};

struct ConvergenceOptions {
  double below = 0.02;  // of rms
  int steps = 3;        // in a row, at least 1
};

// Follows one generation, every latent of it in order. Keeps one copy of a
// latent as floats. One thread at a time.
class TAE_EXPORT ChangeMeter {
 public:
  // Compares with the latent before; one of another size begins a generation.
  // The memory belongs to the caller, no alignment. Errors: kInvalidArgument
  // (no data), kOutOfMemory; then all is forgotten.
  StatusOr<LatentChange> Add(const void* data, size_t count, DType dtype,
                             const ConvergenceOptions& convergence);

  // As LatentChange's, from the last decoded latent to the last one added.
  double accumulated() const { return accumulated_; }

  // The picture of the latent added last is on the screen.
  void MarkDecoded() { accumulated_ = 0; }

  // Forgets all latents: a new generation.
  void Reset();

 private:
  std::vector<float> before_;
  double accumulated_ = std::numeric_limits<double>::infinity();
  int still_ = 0;  // steps in a row whose rms was below the threshold
};

}  // namespace tae
