#include "plan/arena.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace tae {
namespace {

constexpr size_t kLimit = SIZE_MAX / 2;

size_t Align(size_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

bool LiveTogether(const ArenaRequest& a, const ArenaRequest& b) {
  return a.first <= b.last && b.first <= a.last;
}

// The lowest offset where `request` fits between those placed before that live
// at the same time.
size_t FirstFit(std::span<const ArenaRequest> requests,
                std::span<const size_t> offsets, std::span<const int> placed,
                const ArenaRequest& request) {
  std::vector<std::pair<size_t, size_t>> taken;  // begin, end
  for (int other : placed)
    if (LiveTogether(requests[other], request))
      taken.push_back(
          {offsets[other], offsets[other] + Align(requests[other].bytes)});
  std::sort(taken.begin(), taken.end());
  size_t offset = 0;
  for (const auto& [begin, end] : taken) {
    if (begin >= offset + request.bytes) break;
    offset = std::max(offset, end);
  }
  return offset;
}

}  // namespace

ArenaLayout LayOutArena(std::span<const ArenaRequest> requests) {
  ArenaLayout layout;
  layout.offsets.resize(requests.size());
  std::vector<int> order(requests.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return requests[a].bytes > requests[b].bytes;
  });
  std::vector<int> placed;
  for (int i : order) {
    const ArenaRequest& request = requests[i];
    const size_t offset = FirstFit(requests, layout.offsets, placed, request);
    if (request.bytes > kLimit || offset > kLimit - request.bytes) {
      layout.overflow = true;
      return layout;
    }
    layout.offsets[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + Align(request.bytes));
    placed.push_back(i);
  }
  return layout;
}

}  // namespace tae
