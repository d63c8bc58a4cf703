// Where a latent's scalars lie, by layout.
#pragma once

#include <cstdint>

#include "tae/types.h"

namespace tae {

// One channel of one row: scalar x is at base + (x / period) * step +
// (x % period) * minor, in scalars from the latent's first. period: 1 or 2.
struct RowOrder {
  int64_t base = 0;
  int64_t step = 0;
  int64_t minor = 0;
  int period = 1;
};

// Channel c < channels, row y < height.
RowOrder OrderOf(const LatentView& latent, int c, int y);

}  // namespace tae
