// One allocation for everything a decode writes: lifetimes become offsets.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tae {

inline constexpr size_t kArenaAlignment = 64;

// Memory that is needed from step `first` to step `last`, both included.
struct ArenaRequest {
  size_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct ArenaLayout {
  std::vector<size_t> offsets;  // of each request; multiples of the alignment
  size_t bytes = 0;             // of the arena
  bool overflow = false;        // the sum does not fit size_t
};

// Places every request so that two that live at the same step never overlap.
// First fit, the largest first.
ArenaLayout LayOutArena(std::span<const ArenaRequest> requests);

}  // namespace tae
