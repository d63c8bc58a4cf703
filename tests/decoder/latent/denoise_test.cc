// x0 from successive latents, on trajectories of real samplers over the exact
// posterior mean of a Gaussian mixture.
#include "tae/denoise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"

namespace tae {
namespace {

using Floats = std::vector<float>;
constexpr size_t kCount = 4096;

// E[x0 | x = a x0 + s eps] where x0 is -0.9 or 0.9, give or take 0.3.
double PosteriorMean(double x, double a, double s) {
  const double within = 0.3 * 0.3;
  const double total = a * a * within + s * s;
  double weights = 0, sum = 0;
  for (const double mean : {-0.9, 0.9}) {
    const double off = x - a * mean;
    const double weight = std::exp(-off * off / (2 * total)) + 1e-300;
    weights += weight;
    sum += weight * (mean + a * within / total * off);
  }
  return sum / weights;
}

struct Step {
  double sigma;
  Floats x;   // the latent of this sigma
  Floats x0;  // what the network said on the way to it; empty at the first
};

struct Sampler {
  NoiseProcess process;
  std::vector<double> sigmas;
  bool ancestral = false;
};

bool IsFlow(const Sampler& sampler) {
  return sampler.process == NoiseProcess::kFlowMatching;
}

// Euler, or k-diffusion's Euler ancestral (in VE space: a latent of flow
// matching over 1-s is one of VE at s/(1-s)).
std::vector<Step> Sample(const Sampler& sampler) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  std::vector<double> x(kCount);
  for (double& value : x) value = normal(random) * sampler.sigmas.front();
  std::vector<Step> steps{
      {sampler.sigmas.front(), Floats(x.begin(), x.end()), {}}};
  for (size_t i = 0; i + 1 < sampler.sigmas.size(); ++i) {
    const double s = sampler.sigmas[i], t = sampler.sigmas[i + 1];
    const double a = IsFlow(sampler) ? 1 - s : 1;
    const double b = IsFlow(sampler) ? 1 - t : 1;
    const double up =
        sampler.ancestral
            ? t * std::sqrt(std::max(
                      0.0, 1 - (t * a) * (t * a) / ((s * b) * (s * b))))
            : 0;
    const double down = std::sqrt(t * t - up * up);
    Step step{t, Floats(kCount), Floats(kCount)};
    for (size_t k = 0; k < kCount; ++k) {
      const double x0 = PosteriorMean(x[k], a, s);
      x[k] = b * x0 + down * (x[k] - a * x0) / s + up * normal(random);
      step.x0[k] = static_cast<float>(x0);
      step.x[k] = static_cast<float>(x[k]);
    }
    steps.push_back(step);
  }
  return steps;
}

std::vector<double> FlowSigmas(int steps) {
  std::vector<double> sigmas;
  for (int i = 0; i <= steps; ++i) sigmas.push_back(1 - double(i) / steps);
  return sigmas;
}

// Karras et al. 2022, equation 5, with rho 7.
std::vector<double> KarrasSigmas(int steps) {
  std::vector<double> sigmas;
  const double high = std::pow(14.6, 1 / 7.0), low = std::pow(0.03, 1 / 7.0);
  for (int i = 0; i < steps; ++i)
    sigmas.push_back(std::pow(high + i * (low - high) / (steps - 1), 7));
  sigmas.push_back(0);
  return sigmas;
}

double RmsDifference(const Floats& a, const Floats& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(a[i] - b[i], 2);
  return std::sqrt(sum / a.size());
}

struct Estimated {
  DenoiseMethod method;
  Floats x0;
};

Estimated Feed(Denoiser& denoiser, const Floats& x, double sigma,
               DType dtype = DType::kF32) {
  std::vector<uint8_t> bytes(x.size() * SizeOf(dtype));
  for (size_t i = 0; i < x.size(); ++i) {
    const uint16_t half =
        dtype == DType::kF16 ? F16FromFloat(x[i]) : BF16FromFloat(x[i]);
    const void* from =
        dtype == DType::kF32 ? static_cast<const void*>(&x[i]) : &half;
    std::memcpy(&bytes[i * SizeOf(dtype)], from, SizeOf(dtype));
  }
  Estimated out{DenoiseMethod::kScaled, Floats(x.size())};
  const auto method =
      denoiser.Estimate({bytes.data(), x.size(), dtype, sigma}, out.x0.data());
  EXPECT_TRUE(method.ok()) << method.status().message();
  if (method.ok()) out.method = *method;
  return out;
}

Sampler Flow(int steps) {
  return {NoiseProcess::kFlowMatching, FlowSigmas(steps)};
}
Sampler Ve(int steps) {
  return {NoiseProcess::kVarianceExploding, KarrasSigmas(steps)};
}

// Largest RMS error over all steps after the first, all of them secants.
double LargestError(const Sampler& sampler, DType dtype) {
  Denoiser denoiser({.process = sampler.process});
  double largest = 0;
  int compared = 0;
  for (const Step& step : Sample(sampler)) {
    const Estimated got = Feed(denoiser, step.x, step.sigma, dtype);
    if (step.x0.empty()) continue;
    EXPECT_EQ(got.method,
              step.sigma == 0 ? DenoiseMethod::kClean : DenoiseMethod::kSecant)
        << "sigma " << step.sigma;
    largest = std::max(largest, RmsDifference(got.x0, step.x0));
    ++compared;
  }
  EXPECT_GE(compared, 3);
  EXPECT_FALSE(denoiser.stochastic());
  return largest;
}

TEST(Denoise, IsExactForEulerSteps) {
  for (const int steps : {4, 20, 50}) {
    EXPECT_LT(LargestError(Flow(steps), DType::kF32), 1e-5) << steps;
    EXPECT_LT(LargestError(Ve(steps), DType::kF32), 1e-4) << steps;
  }
}

TEST(Denoise, RoundingGrowsByTheGainOnly) {
  EXPECT_LT(LargestError(Flow(20), DType::kF16), 20 * 0x1p-11);
  EXPECT_LT(LargestError(Flow(50), DType::kF16), 50 * 0x1p-11);
  EXPECT_LT(LargestError(Flow(20), DType::kBF16), 20 * 0x1p-8);
  EXPECT_LT(LargestError(Flow(50), DType::kBF16), 50 * 0x1p-8);
  EXPECT_LT(LargestError(Ve(20), DType::kF16), 0.25);
}

TEST(Denoise, TooHighAGainWaitsForAWiderSpan) {
  Denoiser denoiser({.process = NoiseProcess::kFlowMatching});
  int held = 0, secants = 0;
  for (const Step& step : Sample(Flow(200))) {
    const Estimated got = Feed(denoiser, step.x, step.sigma, DType::kBF16);
    held += got.method == DenoiseMethod::kHeld;
    if (got.method != DenoiseMethod::kSecant) continue;
    ++secants;
    EXPECT_LT(RmsDifference(got.x0, step.x0), 0.3) << step.sigma;
  }
  EXPECT_GT(held, 50);
  EXPECT_GT(secants, 50);
  EXPECT_FALSE(denoiser.stochastic());
}

TEST(Denoise, SameSigmaTwiceHoldsTheEstimate) {
  Denoiser denoiser({.process = NoiseProcess::kVarianceExploding});
  const auto steps = Sample(Ve(12));
  EXPECT_EQ(Feed(denoiser, steps[0].x, steps[0].sigma).method,
            DenoiseMethod::kScaled);
  EXPECT_EQ(Feed(denoiser, steps[0].x, steps[0].sigma).method,
            DenoiseMethod::kScaled);
  const Estimated first = Feed(denoiser, steps[1].x, steps[1].sigma);
  EXPECT_EQ(first.method, DenoiseMethod::kSecant);
  const Estimated again = Feed(denoiser, steps[1].x, steps[1].sigma);
  EXPECT_EQ(again.method, DenoiseMethod::kHeld);
  EXPECT_EQ(again.x0, first.x0);
  const Estimated next = Feed(denoiser, steps[2].x, steps[2].sigma);
  EXPECT_EQ(next.method, DenoiseMethod::kSecant);
  EXPECT_LT(RmsDifference(next.x0, steps[2].x0), 1e-4);
}

// Heun's method visits each sigma twice: Euler's point, then the corrected one.
// What was estimated before the noise came is not of this latent.
TEST(Denoise, FreshNoiseForgetsTheEstimateThatIsHeld) {
  Denoiser denoiser({.process = NoiseProcess::kVarianceExploding});
  const auto steps = Sample(Ve(12));
  Feed(denoiser, steps[0].x, steps[0].sigma);
  EXPECT_EQ(Feed(denoiser, steps[1].x, steps[1].sigma).method,
            DenoiseMethod::kSecant);
  Floats jumped = steps[2].x;
  for (size_t i = 0; i < jumped.size(); ++i) jumped[i] += i % 2 != 0 ? 20 : -20;
  EXPECT_EQ(Feed(denoiser, jumped, steps[2].sigma).method,
            DenoiseMethod::kScaled);
  EXPECT_EQ(Feed(denoiser, jumped, steps[2].sigma).method,
            DenoiseMethod::kScaled);
  EXPECT_FALSE(denoiser.stochastic());
}

TEST(Denoise, IsExactAtTheFirstOfHeunsVisits) {
  for (const Sampler& sampler : {Flow(10), Ve(10)}) {
    Denoiser denoiser({.process = sampler.process});
    const auto scale = [&](double s) { return IsFlow(sampler) ? 1 - s : 1; };
    Floats x = Sample(sampler).front().x;
    Feed(denoiser, x, sampler.sigmas.front());
    for (size_t i = 0; i + 2 < sampler.sigmas.size(); ++i) {
      const double s = sampler.sigmas[i], t = sampler.sigmas[i + 1];
      Floats x0(kCount), euler(kCount), corrected(kCount);
      for (size_t k = 0; k < kCount; ++k) {
        x0[k] = float(PosteriorMean(x[k], scale(s), s));
        const double slope = (x[k] - x0[k]) / s;
        euler[k] = float(x[k] + (t - s) * slope);
        const double after =
            (euler[k] - PosteriorMean(euler[k], scale(t), t)) / t;
        corrected[k] = float(x[k] + (t - s) * (slope + after) / 2);
      }
      const Estimated first = Feed(denoiser, euler, t);
      EXPECT_EQ(first.method, DenoiseMethod::kSecant) << t;
      EXPECT_LT(RmsDifference(first.x0, x0), 2e-4) << t;
      EXPECT_EQ(Feed(denoiser, corrected, t).method, DenoiseMethod::kHeld) << t;
      x = corrected;
    }
  }
}

TEST(Denoise, FreshNoiseIsFoundAndScaled) {
  for (Sampler sampler : {Flow(20), Ve(20)}) {
    sampler.ancestral = true;
    Denoiser denoiser({.process = sampler.process});
    int step_index = 0;
    for (const Step& step : Sample(sampler)) {
      const Estimated got = Feed(denoiser, step.x, step.sigma);
      if (step.sigma == 0) {
        EXPECT_EQ(got.x0, step.x);
        continue;
      }
      EXPECT_EQ(got.method, DenoiseMethod::kScaled);
      if (++step_index <= 2) continue;
      EXPECT_TRUE(denoiser.stochastic()) << "step " << step_index;
    }
    EXPECT_GT(step_index, 15);
  }
}

TEST(Denoise, OneLatentAloneHasUnitVariance) {
  for (const Sampler& sampler : {Flow(10), Ve(10)}) {
    int alone = 0;
    for (const Step& step : Sample(sampler)) {
      if (step.sigma == 0) continue;
      ++alone;
      Denoiser denoiser({.process = sampler.process});
      const Estimated got = Feed(denoiser, step.x, step.sigma);
      EXPECT_EQ(got.method, DenoiseMethod::kScaled);
      // The mixture's deviation is 0.95; coarse Euler steps make it smaller.
      EXPECT_NEAR(RmsDifference(got.x0, Floats(kCount)), 1, 0.2) << step.sigma;
    }
    EXPECT_EQ(alone, 10);
  }
}

TEST(Denoise, HigherSigmaOrOtherSizeBeginsAgain) {
  Denoiser denoiser({.process = NoiseProcess::kFlowMatching});
  const auto steps = Sample(Flow(8));
  Feed(denoiser, steps[2].x, steps[2].sigma);
  EXPECT_EQ(Feed(denoiser, steps[3].x, steps[3].sigma).method,
            DenoiseMethod::kSecant);
  EXPECT_EQ(Feed(denoiser, steps[1].x, steps[1].sigma).method,
            DenoiseMethod::kScaled);
  const Floats half(steps[2].x.begin(), steps[2].x.begin() + kCount / 2);
  EXPECT_EQ(Feed(denoiser, half, steps[2].sigma).method,
            DenoiseMethod::kScaled);
}

TEST(Denoise, NumbersThatAreNotFiniteStayWhereTheyAre) {
  Denoiser denoiser({.process = NoiseProcess::kFlowMatching});
  auto steps = Sample(Flow(8));
  steps[1].x[5] = std::numeric_limits<float>::quiet_NaN();
  steps[2].x[9] = std::numeric_limits<float>::infinity();
  Feed(denoiser, steps[1].x, steps[1].sigma);
  const Estimated got = Feed(denoiser, steps[2].x, steps[2].sigma);
  EXPECT_EQ(got.method, DenoiseMethod::kSecant);
  for (size_t i = 0; i < kCount; ++i)
    EXPECT_EQ(std::isfinite(got.x0[i]), i != 9) << i;
}

TEST(Denoise, SigmaOutsideOfItsRangeIsRefused) {
  const Floats x(4, 1.f);
  Floats out(4);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  Denoiser flow({.process = NoiseProcess::kFlowMatching});
  for (const double sigma : {-0.1, 1.1, nan, infinite})
    EXPECT_FALSE(
        flow.Estimate({x.data(), 4, DType::kF32, sigma}, out.data()).ok())
        << sigma;
  Denoiser ve({.process = NoiseProcess::kVarianceExploding});
  EXPECT_TRUE(ve.Estimate({x.data(), 4, DType::kF32, 14.6}, out.data()).ok());
  EXPECT_FALSE(ve.Estimate({nullptr, 4, DType::kF32, 1}, out.data()).ok());
}

}  // namespace
}  // namespace tae
