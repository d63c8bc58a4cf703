// PackedWeightsCache: packed once whoever asks, counted, freed with the model.
#include "model/packed_weights.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace tae {
namespace {

int freed = 0;

PackedEntry Packed(size_t bytes) {
  return {.data = new char[bytes],
          .bytes = bytes,
          .free =
              [](void*, void* data) {
                ++freed;
                delete[] static_cast<char*>(data);
              },
          .context = nullptr};
}

TEST(PackedWeights, ArePackedOnceByManyThreadsAndFreedOnce) {
  freed = 0;
  std::atomic<int> packed = 0;
  {
    PackedWeightsCache cache;
    std::vector<const void*> seen(8);
    std::vector<std::thread> threads;
    for (auto& place : seen) {
      threads.emplace_back([&] {
        place = cache.GetOrPack({.packer = &packed, .layer = 3}, [&] {
          ++packed;
          return Packed(100);
        });
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const void* place : seen) EXPECT_EQ(place, seen[0]);
    EXPECT_EQ(packed, 1);
    EXPECT_EQ(cache.bytes(), 100u);
    (void)cache.GetOrPack({.packer = &packed, .purpose = 1, .layer = 3},
                          [] { return Packed(20); });
    EXPECT_EQ(cache.bytes(), 120u);
  }
  EXPECT_EQ(freed, 2);
}

TEST(PackedWeights, AFailureIsNotRemembered) {
  PackedWeightsCache cache;
  const PackedKey key{.packer = &cache};
  EXPECT_EQ(cache.GetOrPack(key, [] { return PackedEntry{}; }), nullptr);
  EXPECT_NE(cache.GetOrPack(key, [] { return Packed(8); }), nullptr);
}

}  // namespace
}  // namespace tae
