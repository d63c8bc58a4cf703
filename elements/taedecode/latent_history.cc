#include "taedecode/latent_history.h"

#include <utility>

namespace taegst {

bool TakesNoise(Denoise mode, const LatentInfo& info) {
  // The formulas hold for the sampler's numbers.
  if (info.domain != tae::LatentDomain::kSampler) return false;
  return mode == Denoise::kOn || (mode == Denoise::kAuto && info.noisy);
}

void LatentHistory::Reset() { denoiser_.Reset(); }

tae::Status LatentHistory::Add(const void* bytes,
                               const std::optional<LatentStep>& step,
                               Denoise mode) {
  estimate_.clear();
  denoise_ = "none";
  if (!TakesNoise(mode, info_)) {
    denoiser_.Reset();
    return {};
  }
  if (step && step->sigma) return Estimate(bytes, *step->sigma);
  denoiser_.Reset();
  Note(
      "The latents are noisy and do not say their sigma, so the pictures show "
      "the noise; let the program send sigma with each latent.");
  return {};
}

tae::Status LatentHistory::Estimate(const void* bytes, double sigma) {
  const size_t count = info_.size() / tae::SizeOf(info_.dtype);
  estimate_.resize(count);
  const auto method =
      denoiser_.Estimate({bytes, count, info_.dtype, sigma}, estimate_.data());
  if (method.ok()) {
    denoise_ = tae::ToString(*method);
    if (denoiser_.stochastic())
      Note(
          "This sampler adds fresh noise at every step, so the clean picture "
          "cannot be told from its latents; they are shown scaled, with their "
          "noise. Let the program send x0.");
    return {};
  }
  estimate_.clear();
  if (method.status().code() == tae::StatusCode::kOutOfMemory)
    return method.status();
  Note("The pictures show the latents' noise. " + method.status().message());
  return {};
}

void LatentHistory::Note(std::string reason) {
  if (!std::exchange(noted_, true)) note_ = std::move(reason);
}

std::string LatentHistory::TakeNote() { return std::exchange(note_, {}); }

tae::LatentView LatentHistory::View(const void* bytes) const {
  tae::LatentView view{.data = bytes,
                       .size = info_.size(),
                       .dtype = info_.dtype,
                       .layout = info_.layout,
                       .domain = info_.domain,
                       .channels = info_.channels,
                       .extent = info_.extent};
  if (estimate_.empty()) return view;
  view.data = estimate_.data();
  view.size = estimate_.size() * sizeof(float);
  view.dtype = tae::DType::kF32;
  return view;
}

}  // namespace taegst
