// The clean picture in a noisy latent: x0 from two successive latents of a
// sampler, without the network's prediction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tae/export.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

// Where an estimate came from.
enum class DenoiseMethod : uint8_t {
  kClean,   // sigma is 0: the latent itself
  kSecant,  // from two latents
  kHeld,    // the last estimate: sigma moved too little since
  kScaled,  // the latent brought to unit variance; its noise remains
};

// "clean", "secant", "held", "scaled".
TAE_EXPORT std::string_view ToString(DenoiseMethod method);

struct DenoiserOptions {
  NoiseProcess process = NoiseProcess::kFlowMatching;
  // Largest error in x0 that the rounding of the inputs may cause, in units of
  // the sampler's latent (about unit variance).
  float max_rounding_error = 0.25f;
};

// One latent as it came; the memory belongs to the caller, no alignment.
struct NoisyLatent {
  const void* data = nullptr;
  size_t count = 0;  // scalars, little endian, any order
  DType dtype = DType::kF16;
  double sigma = 0;  // noise level of this latent, finite, >= 0
};

// Follows one generation. With sigma going from s to t,
//   x0 = (s x_t - t x_s) / (s - t) = g x_t - (g-1) x_s,  g = s / (s - t),
// which is what the network predicted, exactly, for Euler steps of both
// processes; for other deterministic samplers it is the secant's estimate.
// Rounding errors grow by g: while that exceeds the bound (so always where
// sigma did not move) the older latent stays and the last estimate is given. Of
// two latents with the same sigma (Heun, PNDM) the later one counts as older.
//
// Samplers that add fresh noise (ancestral, SDE) break the formula. The noise
// that the two latents imply then has an RMS far above 1: sqrt((1+r)/(1-r)),
// r = t/s, for Euler ancestral; or x0 has, at first. Such a step is scaled, and
// after the second one all that follow until Reset().
//
// One thread at a time.
class TAE_EXPORT Denoiser {
 public:
  explicit Denoiser(const DenoiserOptions& options) : options_(options) {}

  // Writes x0 to out[0, count), which may not overlap the input. A latent of
  // another size or of a higher sigma begins a new generation. Numbers that are
  // not finite stay so; those of the older latent alone are stepped over.
  // Errors: kInvalidArgument (no data, sigma outside of its range), then
  // nothing is written or remembered; kOutOfMemory, then all is forgotten.
  StatusOr<DenoiseMethod> Estimate(const NoisyLatent& latent, float* out);

  // Forgets all latents: a new generation.
  void Reset();

  // Whether this generation's sampler was found to add fresh noise.
  bool stochastic() const { return noisy_steps_ >= 2; }

 private:
  DenoiseMethod EstimateInto(const NoisyLatent& latent, float* out);
  Status Check(const NoisyLatent& latent, const float* out) const;
  DenoiseMethod Choose(const NoisyLatent& latent);
  bool AddsNoise(const NoisyLatent& latent) const;
  float Spread(double sigma) const;
  void Scale(float spread, float* out) const;
  void Extrapolate(double sigma, float* out) const;
  void Remember(double sigma) {
    older_.swap(newest_);
    older_sigma_ = sigma;
  }

  const DenoiserOptions options_;
  std::vector<float> older_;   // of older_sigma_; empty = none yet
  std::vector<float> newest_;  // the latent at hand
  std::vector<float> held_;    // the last secant estimate; empty = none yet
  double older_sigma_ = 0;
  double last_sigma_ = 0;  // of the last latent, remembered or not
  int noisy_steps_ = 0;
};

}  // namespace tae
