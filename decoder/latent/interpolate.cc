// A latent between two others.
#include "tae/interpolate.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <string>

#include "base/half.h"

namespace tae {
namespace {

// Below this sine the angle's own rounding shows, and linear is the limit (or,
// for opposite latents, the only choice without a direction).
constexpr double kLeastSine = 1e-3;

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    dot += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  const double norms = std::sqrt(aa) * std::sqrt(bb);
  return norms > 0 ? std::clamp(dot / norms, -1.0, 1.0) : 1;
}

struct Shares {
  float older;
  float newer;
};

Shares SharesAt(double position, Interpolation how, double cosine) {
  const double sine = std::sqrt(1 - cosine * cosine);
  if (how == Interpolation::kLinear || sine < kLeastSine)
    return {static_cast<float>(1 - position), static_cast<float>(position)};
  const double angle = std::acos(cosine);
  return {static_cast<float>(std::sin((1 - position) * angle) / sine),
          static_cast<float>(std::sin(position * angle) / sine)};
}

template <typename T>
void StoreScalar(T value, size_t index, void* out) {
  std::memcpy(static_cast<uint8_t*>(out) + index * sizeof(T), &value,
              sizeof(T));
}

}  // namespace

void Interpolator::Reset() {
  older_.clear();
  newer_.clear();
  cosine_ = 1;
}

Status Interpolator::Push(const void* latent, size_t count, DType dtype) {
  if (latent == nullptr || count == 0)
    return InvalidArgument("interpolate: a latent without data");
  if (dtype != dtype_ || newer_.size() != count) Reset();
  dtype_ = dtype;
  try {
    older_.swap(newer_);
    newer_.resize(count);
  } catch (const std::bad_alloc&) {
    Reset();
    return OutOfMemory("interpolate: no memory for " + std::to_string(count) +
                       " numbers");
  }
  LoadFloats(dtype, latent, count, newer_.data());
  if (!older_.empty()) cosine_ = Cosine(older_, newer_);
  return {};
}

Status Interpolator::Between(double position, void* out) const {
  if (older_.empty() || out == nullptr)
    return InvalidArgument("interpolate: two latents are needed");
  if (!(position >= 0 && position <= 1))
    return InvalidArgument("interpolate: position " + std::to_string(position) +
                           " is not in [0,1]");
  const Shares shares = SharesAt(position, how_, cosine_);
  for (size_t i = 0; i < older_.size(); ++i) {
    const bool usable = std::isfinite(older_[i]) && std::isfinite(newer_[i]);
    const float value =
        usable ? shares.older * older_[i] + shares.newer * newer_[i] : 0;
    switch (dtype_) {
      case DType::kF16:
        StoreScalar(F16FromFloat(value), i, out);
        break;
      case DType::kBF16:
        StoreScalar(BF16FromFloat(value), i, out);
        break;
      case DType::kF32:
        StoreScalar(value, i, out);
        break;
    }
  }
  return {};
}

}  // namespace tae
