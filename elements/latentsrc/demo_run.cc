#include "latentsrc/demo_run.h"

#include <algorithm>
#include <cmath>

namespace taegst {
namespace {

// splitmix64: the i-th number of a seed, without state.
uint64_t Hash(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// Normal noise number `index` of a seed (Box and Muller).
float Noise(uint64_t seed, uint64_t index) {
  const uint64_t bits = Hash(Hash(seed) + index);
  const double u = (double(bits >> 40) + 1) / (1 << 24);
  const double angle = double(bits & 0xFFFFFF) / (1 << 24) * 2 * M_PI;
  return float(std::sqrt(-2 * std::log(u)) * std::cos(angle));
}

// Mean over 2r+1 neighbours along a line, its ends repeated.
void BlurLine(float* line, int count, int stride, int r,
              std::vector<float>* copy) {
  copy->resize(size_t(count));
  for (int i = 0; i < count; ++i) (*copy)[size_t(i)] = line[i * stride];
  const auto at = [&](int i) {
    return (*copy)[size_t(std::clamp(i, 0, count - 1))];
  };
  double sum = 0;
  for (int i = -r; i <= r; ++i) sum += at(i);
  for (int i = 0; i < count; ++i) {
    line[i * stride] = float(sum / (2 * r + 1));
    sum += at(i + r + 1) - at(i - r);
  }
}

void Blur(std::vector<float>* latent, tae::Extent extent, int r) {
  std::vector<float> copy;
  const size_t plane = size_t(extent.height) * extent.width;
  for (size_t p = 0; p + plane <= latent->size(); p += plane)
    for (int pass = 0; pass < 2; ++pass) {
      float* at = latent->data() + p;
      for (int y = 0; y < extent.height; ++y)
        BlurLine(at + y * extent.width, extent.width, 1, r, &copy);
      for (int x = 0; x < extent.width; ++x)
        BlurLine(at + x, extent.height, extent.width, r, &copy);
    }
}

}  // namespace

double DemoRun::Sigma(int done) const {
  const double t = 1 - double(std::clamp(done, 0, steps)) / steps;
  return 3 * t / (1 + 2 * t);
}

std::vector<float> DemoRun::At(int done) const {
  const double s = Sigma(done);
  std::vector<float> out = clean;
  if (s == 0) return out;
  const int side = std::min(extent.height, extent.width);
  const int r = int(std::lround(s * s * s * side / 10));
  if (!noisy && r > 0) Blur(&out, extent, r);
  const float keep = float(noisy ? 1 - s : 1 - 0.3 * s * s);
  const float grain = float(noisy ? s : 0.25 * s * s);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = keep * out[i] + grain * Noise(seed, i);
  return out;
}

}  // namespace taegst
