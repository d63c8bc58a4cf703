#include "plan/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace tae {
namespace {

bool LiveTogether(const ArenaRequest& a, const ArenaRequest& b) {
  return a.first <= b.last && b.first <= a.last;
}

TEST(ArenaTest, LiveRequestsNeverOverlapAndAreAligned) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<ArenaRequest> requests(1 + random() % 40);
    for (ArenaRequest& r : requests) {
      r.bytes = random() % 5000;
      r.first = static_cast<int>(random() % 30);
      r.last = r.first + static_cast<int>(random() % 6);
    }
    const ArenaLayout layout = LayOutArena(requests);
    ASSERT_FALSE(layout.overflow);
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(layout.offsets[i] % kArenaAlignment, 0u);
      EXPECT_LE(layout.offsets[i] + requests[i].bytes, layout.bytes);
      for (size_t j = 0; j < i; ++j) {
        if (!LiveTogether(requests[i], requests[j])) continue;
        EXPECT_TRUE(layout.offsets[i] + requests[i].bytes <=
                        layout.offsets[j] ||
                    layout.offsets[j] + requests[j].bytes <= layout.offsets[i])
            << "round " << round << ": " << i << " and " << j;
      }
    }
  }
}

TEST(ArenaTest, MemoryOfTheDeadIsUsedAgain) {
  const ArenaRequest requests[] = {{1024, 0, 1}, {1024, 1, 2}, {1024, 2, 3}};
  EXPECT_EQ(LayOutArena(requests).bytes, 2048u);
}

TEST(ArenaTest, HugeSizesAreRefused) {
  const ArenaRequest requests[] = {{SIZE_MAX / 2, 0, 1}, {SIZE_MAX / 2, 0, 1}};
  EXPECT_TRUE(LayOutArena(requests).overflow);
  const ArenaRequest one[] = {{SIZE_MAX - 3, 0, 1}};
  EXPECT_TRUE(LayOutArena(one).overflow);
}

}  // namespace
}  // namespace tae
