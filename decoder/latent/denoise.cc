// x0 from two successive noisy latents.
#include "tae/denoise.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <string>

#include "base/half.h"

namespace tae {
namespace {

// Unit variance noise implies 1; the rest is room for guidance and for samples
// that are not Gaussian.
constexpr double kMaxNoiseRms = 1.5;
// Latents have about unit variance; beyond 3 the decoders clamp.
constexpr double kMaxPictureRms = 3;

// Half a unit in the last place, relative to the value: 2^-(significant bits).
double RoundingOf(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return 0x1p-11;
    case DType::kBF16:
      return 0x1p-8;
    case DType::kF32:
      break;
  }
  return 0x1p-24;
}

}  // namespace

std::string_view ToString(DenoiseMethod method) {
  switch (method) {
    case DenoiseMethod::kClean:
      return "clean";
    case DenoiseMethod::kSecant:
      return "secant";
    case DenoiseMethod::kHeld:
      return "held";
    case DenoiseMethod::kScaled:
      break;
  }
  return "scaled";
}

void Denoiser::Reset() {
  older_.clear();
  held_.clear();
  older_sigma_ = last_sigma_ = 0;
  noisy_steps_ = 0;
}

Status Denoiser::Check(const NoisyLatent& latent, const float* out) const {
  if (latent.data == nullptr || latent.count == 0 || out == nullptr)
    return InvalidArgument("denoise: a latent without data");
  const bool flow = options_.process == NoiseProcess::kFlowMatching;
  if (latent.sigma >= 0 && std::isfinite(latent.sigma) &&
      (!flow || latent.sigma <= 1))
    return {};
  return InvalidArgument("denoise: sigma is " + std::to_string(latent.sigma) +
                         (flow ? ", flow matching has it in [0,1]"
                               : ", it must be finite and not negative"));
}

// RMS of a noisy latent whose x0 has unit variance.
float Denoiser::Spread(double sigma) const {
  const bool flow = options_.process == NoiseProcess::kFlowMatching;
  return static_cast<float>(std::hypot(flow ? 1 - sigma : 1, sigma));
}

void Denoiser::Scale(float spread, float* out) const {
  for (size_t i = 0; i < newest_.size(); ++i) out[i] = newest_[i] / spread;
}

void Denoiser::Extrapolate(double sigma, float* out) const {
  const double span = older_sigma_ - sigma;
  const float now = static_cast<float>(older_sigma_ / span);
  const float before = static_cast<float>(sigma / span);
  const float spread = Spread(sigma);
  for (size_t i = 0; i < newest_.size(); ++i)
    out[i] = std::isfinite(older_[i]) ? now * newest_[i] - before * older_[i]
                                      : newest_[i] / spread;
}

// The slope of x over sigma is eps (VE) or eps - x0 (flow matching, where
// x + (1-s) slope gives eps back); x - s slope is x0 in both.
bool Denoiser::AddsNoise(const NoisyLatent& latent) const {
  const double span = older_sigma_ - latent.sigma;
  const double keep = options_.process == NoiseProcess::kFlowMatching ? 1 : 0;
  double noise = 0, picture = 0;
  size_t counted = 0;
  for (size_t i = 0; i < newest_.size(); ++i) {
    const double slope = (double{older_[i]} - newest_[i]) / span;
    const double eps =
        keep * older_[i] + (keep > 0 ? (1 - older_sigma_) * slope : slope);
    const double x0 = newest_[i] - latent.sigma * slope;
    if (!std::isfinite(eps)) continue;
    noise += eps * eps;
    picture += x0 * x0;
    ++counted;
  }
  const double rounding =
      2 * RoundingOf(latent.dtype) * Spread(older_sigma_) / span;
  return noise >
             (kMaxNoiseRms * kMaxNoiseRms + rounding * rounding) * counted ||
         picture > kMaxPictureRms * kMaxPictureRms * counted;
}

DenoiseMethod Denoiser::Choose(const NoisyLatent& latent) {
  if (latent.sigma == 0) return DenoiseMethod::kClean;
  if (older_.empty() || stochastic()) return DenoiseMethod::kScaled;
  const double span = older_sigma_ - latent.sigma;
  const double error =
      RoundingOf(latent.dtype) * older_sigma_ * Spread(older_sigma_);
  if (error > options_.max_rounding_error * span)
    return held_.empty() ? DenoiseMethod::kScaled : DenoiseMethod::kHeld;
  if (!AddsNoise(latent)) return DenoiseMethod::kSecant;
  ++noisy_steps_;
  older_.clear();
  held_.clear();
  return DenoiseMethod::kScaled;
}

StatusOr<DenoiseMethod> Denoiser::Estimate(const NoisyLatent& latent,
                                           float* out) {
  TAE_RETURN_IF_ERROR(Check(latent, out));
  try {
    return EstimateInto(latent, out);
  } catch (const std::bad_alloc&) {
    Reset();
    return OutOfMemory("denoise: no memory for " +
                       std::to_string(latent.count) + " numbers");
  }
}

DenoiseMethod Denoiser::EstimateInto(const NoisyLatent& latent, float* out) {
  const bool other_size = !older_.empty() && older_.size() != latent.count;
  if (other_size || latent.sigma > last_sigma_) Reset();
  newest_.resize(latent.count);
  LoadFloats(latent.dtype, latent.data, latent.count, newest_.data());
  last_sigma_ = latent.sigma;
  const DenoiseMethod method = Choose(latent);
  switch (method) {
    case DenoiseMethod::kClean:
      std::copy(newest_.begin(), newest_.end(), out);
      break;
    case DenoiseMethod::kSecant:
      Extrapolate(latent.sigma, out);
      held_.assign(out, out + latent.count);
      Remember(latent.sigma);
      break;
    case DenoiseMethod::kHeld:
      std::copy(held_.begin(), held_.end(), out);
      // A corrected latent of the same sigma: the next step begins there.
      if (latent.sigma == older_sigma_) Remember(latent.sigma);
      break;
    case DenoiseMethod::kScaled:
      Scale(Spread(latent.sigma), out);
      if (older_.empty() || latent.sigma == older_sigma_)
        Remember(latent.sigma);
      break;
  }
  return method;
}

}  // namespace tae
