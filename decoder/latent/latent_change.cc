#include "tae/latent_change.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <string>

#include "base/half.h"

namespace tae {
namespace {

struct Sums {
  double squares = 0;   // of differences
  double absolute = 0;  // of differences
  double before = 0;    // absolute values
  size_t finite = 0;    // numbers in these sums
};

// Replaces before[0, count) by now[0, count).
void Compare(const float* now, float* before, size_t count, Sums* sums) {
  for (size_t i = 0; i < count; ++i) {
    const double difference = double{now[i]} - before[i];
    if (std::isfinite(difference)) {
      sums->squares += difference * difference;
      sums->absolute += std::abs(difference);
      sums->before += std::abs(before[i]);
      ++sums->finite;
    }
    before[i] = now[i];
  }
}

double RelativeChange(const Sums& sums, size_t count) {
  if (sums.finite < count) return std::numeric_limits<double>::infinity();
  if (sums.absolute == 0) return 0;
  return sums.absolute / sums.before;  // before may be all zero
}

}  // namespace

void ChangeMeter::Reset() {
  before_.clear();
  accumulated_ = std::numeric_limits<double>::infinity();
  still_ = 0;
}

StatusOr<LatentChange> ChangeMeter::Add(const void* data, size_t count,
                                        DType dtype,
                                        const ConvergenceOptions& convergence) {
  if (data == nullptr || count == 0)
    return InvalidArgument("change: a latent without data");
  if (before_.size() != count) {
    Reset();
    try {
      before_.resize(count);
    } catch (const std::bad_alloc&) {
      return OutOfMemory("change: no memory for " + std::to_string(count) +
                         " numbers");
    }
    LoadFloats(dtype, data, count, before_.data());
    return LatentChange{};
  }
  constexpr size_t kChunk = 1024;
  float now[kChunk];
  Sums sums;
  for (size_t i = 0; i < count; i += kChunk) {
    const size_t some = std::min(kChunk, count - i);
    LoadFloats(dtype, static_cast<const char*>(data) + i * SizeOf(dtype), some,
               now);
    Compare(now, &before_[i], some, &sums);
  }
  LatentChange change;
  if (sums.finite > 0)
    change.rms = std::sqrt(sums.squares / double(sums.finite));
  change.accumulated = accumulated_ += RelativeChange(sums, count);
  still_ = change.rms && *change.rms < convergence.below
               ? std::min(still_ + 1, convergence.steps)
               : 0;
  change.converged = still_ >= convergence.steps;
  return change;
}

}  // namespace tae
