#include "latent/domain_evidence.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "model/vae_domain.h"

namespace tae {
namespace {

// In the sampler's domain latents of pictures have an RMS of about 0.85: 0.46
// (nearly uniform) to 0.98 were seen, log-normal about so wide; the channels'
// own differ by less than the tables of the VAEs do.
constexpr double kUsualRms = 0.85;
constexpr double kSpreadOfRms = 0.2;       // of its logarithm
constexpr double kSpreadOfChannels = 0.5;  // likewise, around their mean
constexpr double kSmallest = 0.01;         // mean square that still tells

struct Scale {
  double rms = 0;
  double variation = 0;
  // Negative log likelihoods, up to a constant: of the RMS, and of the channels
  // around it.
  double misfit = 0;
  double pattern_misfit = 0;
};

Scale Judge(const std::vector<double>& mean,
            const std::vector<double>& variance) {
  const auto count = static_cast<double>(mean.size());
  double squares = 0, varied = 0;
  std::vector<double> logs;
  double sum_of_logs = 0;
  for (size_t c = 0; c < mean.size(); ++c) {
    const double square = mean[c] * mean[c] + variance[c];
    squares += square / count;
    varied += variance[c] / count;
    logs.push_back(0.5 * std::log(square + kSmallest));
    sum_of_logs += logs.back();
  }
  Scale scale;
  scale.rms = std::sqrt(squares);
  scale.variation = squares > 0 ? varied / squares : 0;
  const auto half_square = [](double deviation, double spread) {
    return deviation * deviation / (2 * spread * spread);
  };
  scale.misfit =
      half_square(std::log((scale.rms + 1e-6) / kUsualRms), kSpreadOfRms);
  for (const double log : logs)
    scale.pattern_misfit +=
        half_square(log - sum_of_logs / count, kSpreadOfChannels);
  return scale;
}

// As if the numbers were the VAE's, turned to the sampler's.
Scale JudgeAsVae(const ChannelStatistics& found, const VaeAffine& affine) {
  std::vector<double> mean, variance;
  for (size_t c = 0; c < found.mean.size(); ++c) {
    double mul = 0, add = 0;  // the four phases hardly differ
    for (size_t k = 4 * c; k < 4 * c + 4; ++k) {
      mul += affine.mul[k] / 4.0;
      add += affine.add[k] / 4.0;
    }
    mean.push_back(found.mean[c] * mul + add);
    variance.push_back(found.variance[c] * mul * mul);
  }
  return Judge(mean, variance);
}

// Whether the table scales or moves channels differently enough to show.
bool HasPattern(const VaeAffine& affine) {
  constexpr double kLeastScale = 0.1, kLeastShift = 0.3;  // RMS deviations
  const auto spread = [&](auto value) {
    double sum = 0, squares = 0;
    const auto count = static_cast<double>(affine.mul.size());
    for (size_t k = 0; k < affine.mul.size(); ++k) {
      sum += value(k);
      squares += value(k) * value(k);
    }
    const double mean = sum / count;
    return std::sqrt(std::max(0.0, squares / count - mean * mean));
  };
  return spread([&](size_t k) { return std::log(double(affine.mul[k])); }) >
             kLeastScale ||
         spread([&](size_t k) { return double(affine.add[k]); }) > kLeastShift;
}

}  // namespace

DomainEvidence WeighDomain(const ChannelStatistics& found,
                           std::string_view variant, LatentDomain declared) {
  const std::optional<VaeAffine> affine = SamplerFromVae(variant);
  if (!affine || affine->mul.size() != 4 * found.mean.size()) return {};
  const Scale sampler = Judge(found.mean, found.variance);
  const Scale vae = JudgeAsVae(found, *affine);
  const bool is_vae = declared == LatentDomain::kVae;
  const Scale& other = is_vae ? sampler : vae;
  return {.scale = sampler.misfit - vae.misfit,
          .pattern = HasPattern(*affine)
                         ? sampler.pattern_misfit - vae.pattern_misfit
                         : 0,
          .rms = (is_vae ? vae : sampler).rms,
          .other_rms = other.rms,
          .variation = std::max(sampler.variation, vae.variation)};
}

}  // namespace tae
