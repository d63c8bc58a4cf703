// A latent between two others: what a sampler might have had between two steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tae/export.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

enum class Interpolation : uint8_t {
  kLinear,  // (1-p) a + p b
  // (sin((1-p)t) a + sin(pt) b) / sin t, t the angle between a and b as vectors
  // of all their numbers (Shoemake 1985): keeps the norm of unlike latents.
  kSpherical,
};

// Holds the two newest latents that it was given. One thread at a time.
class TAE_EXPORT Interpolator {
 public:
  explicit Interpolator(Interpolation how) : how_(how) {}

  // The next latent: `count` scalars, little endian, any order and alignment.
  // It is copied. One of another size or type forgets those before it.
  // Errors: kInvalidArgument (no data); kOutOfMemory, then all is forgotten.
  Status Push(const void* latent, size_t count, DType dtype);

  // Writes the latent at `position` between the older (0) and the newer (1) to
  // `out`, as many scalars of the same type as were pushed, rounded to nearest,
  // any alignment. Numbers that are not finite in either become 0.
  // Errors: kInvalidArgument (fewer than two latents, position outside [0,1]).
  Status Between(double position, void* out) const;

  // Cosine of the angle between the two, of their finite numbers; 1 where one
  // is all zero or there are no two.
  double cosine() const { return cosine_; }

  void Reset();

 private:
  const Interpolation how_;
  DType dtype_ = DType::kF16;
  std::vector<float> older_;  // empty = none yet
  std::vector<float> newer_;
  double cosine_ = 1;
};

}  // namespace tae
