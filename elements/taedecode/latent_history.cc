#include "taedecode/latent_history.h"

#include <cmath>
#include <cstdint>
#include <utility>

namespace taegst {

bool TakesNoise(Denoise mode, const LatentInfo& info) {
  // The formulas hold for the sampler's numbers.
  if (info.domain != tae::LatentDomain::kSampler) return false;
  return mode == Denoise::kOn || (mode == Denoise::kAuto && info.noisy);
}

void LatentHistory::Reset() {
  denoiser_.Reset();
  meter_.Reset();
}

tae::Status LatentHistory::Add(const void* bytes,
                               const std::optional<LatentStep>& step,
                               const HistorySettings& settings, bool measure) {
  repeated_ = false;
  TAE_RETURN_IF_ERROR(Clean(bytes, step, settings.denoise));
  if (measure) return Measure(bytes, settings.convergence);
  meter_.Reset();
  change_ = {};
  return {};
}

tae::Status LatentHistory::Clean(const void* bytes,
                                 const std::optional<LatentStep>& step,
                                 Denoise mode) {
  estimate_.clear();
  denoise_ = "none";
  if (!TakesNoise(mode, info_)) {
    denoiser_.Reset();
    if (info_.noisy && mode != Denoise::kOff)
      Note(
          "The latents are noisy and of the VAE's domain, so the pictures show "
          "the noise; let the program send them as its sampler has them.");
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

tae::Status LatentHistory::Measure(const void* bytes,
                                   const tae::ConvergenceOptions& convergence) {
  if (denoise_ == tae::ToString(tae::DenoiseMethod::kHeld)) {
    change_.rms.reset();  // the same estimate again says nothing
    change_.accumulated = meter_.accumulated();
    return {};
  }
  const tae::LatentView first = View(bytes);
  const auto change =
      meter_.Add(first.data, info_.size() / tae::SizeOf(info_.dtype),
                 first.dtype, convergence);
  if (change.ok()) change_ = *change;
  return change.status();
}

void LatentHistory::MarkDecoded() {
  repeated_ = false;
  meter_.MarkDecoded();
}

void LatentHistory::AddFields(GstStructure* structure) const {
  gst_structure_set(structure, "denoise", G_TYPE_STRING,
                    std::string(denoise_).c_str(), "repeated", G_TYPE_BOOLEAN,
                    repeated_, "converged", G_TYPE_BOOLEAN, change_.converged,
                    nullptr);
  if (change_.rms)
    gst_structure_set(structure, "change", G_TYPE_DOUBLE, *change_.rms,
                      nullptr);
  if (std::isfinite(change_.accumulated))
    gst_structure_set(structure, "accumulated-change", G_TYPE_DOUBLE,
                      change_.accumulated, nullptr);
}

void LatentHistory::Note(std::string reason) {
  if (!std::exchange(noted_, true)) note_ = std::move(reason);
}

std::string LatentHistory::TakeNote() { return std::exchange(note_, {}); }

tae::LatentView LatentHistory::View(const void* bytes, int item) const {
  const size_t begin = size_t(item) * info_.latent_size();
  tae::LatentView view{.data = static_cast<const uint8_t*>(bytes) + begin,
                       .size = info_.latent_size(),
                       .dtype = info_.dtype,
                       .layout = info_.layout,
                       .domain = info_.domain,
                       .channels = info_.channels,
                       .extent = info_.extent};
  if (estimate_.empty()) return view;
  const size_t scalars = info_.latent_size() / tae::SizeOf(info_.dtype);
  view.data = estimate_.data() + size_t(item) * scalars;
  view.size = scalars * sizeof(float);
  view.dtype = tae::DType::kF32;
  return view;
}

}  // namespace taegst
