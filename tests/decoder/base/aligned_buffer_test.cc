// Alignment, ownership and failure of AlignedBuffer; checked arithmetic.
#include "base/aligned_buffer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/checked_math.h"

namespace tae {
namespace {

TEST(AlignedBuffer, AlignsToTheCacheLineAndLargeOnesToHugePages) {
  for (size_t size : {size_t{1}, size_t{63}, size_t{4097}, size_t{9} << 20}) {
    AlignedBuffer buffer(size);
    ASSERT_TRUE(buffer.ok());
    EXPECT_EQ(buffer.size(), size);
    const auto address = reinterpret_cast<uintptr_t>(buffer.data());
    EXPECT_EQ(address % AlignedBuffer::kAlignment, 0u);
    if (size > 2 * AlignedBuffer::kHugePage) {
      EXPECT_EQ(address % AlignedBuffer::kHugePage, 0u);
    }
    buffer.data()[0] = 1;
    buffer.data()[size - 1] = 2;
  }
}

TEST(AlignedBuffer, MovesItsBytes) {
  AlignedBuffer first(100);
  uint8_t* data = first.data();
  AlignedBuffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  AlignedBuffer third(10);
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 100u);
}

TEST(AlignedBuffer, ReportsWhatItCannotGive) {
  EXPECT_TRUE(AlignedBuffer(0).ok());
  EXPECT_FALSE(AlignedBuffer(SIZE_MAX).ok());
  const AlignedBuffer huge(SIZE_MAX / 4);
  EXPECT_FALSE(huge.ok());
  EXPECT_EQ(huge.size(), 0u);
}

#ifndef __SANITIZE_ADDRESS__
// Arenas come and go in many sizes; malloc's heap would keep the holes.
TEST(AlignedBuffer, LargeOnesGoBackToTheSystem) {
  const auto is_mapped = [](uint8_t* page) {
    unsigned char resident = 0;
    return mincore(page, 1, &resident) == 0;
  };
  for (int round = 0; round < 3; ++round) {  // malloc learns from what is freed
    std::vector<AlignedBuffer> buffers, small;
    std::vector<uint8_t*> pages;
    for (size_t size : {AlignedBuffer::kMapped, size_t{1} << 20,
                        (size_t{3} << 20) + 5, size_t{9} << 20}) {
      buffers.emplace_back(size);
      small.emplace_back(1000);  // keeps what lies before it in malloc's heap
      const auto address = reinterpret_cast<uintptr_t>(buffers.back().data());
      pages.push_back(
          reinterpret_cast<uint8_t*>((address + 4095) / 4096 * 4096));
      EXPECT_TRUE(is_mapped(pages.back()));
    }
    buffers.clear();
    for (uint8_t* page : pages) EXPECT_FALSE(is_mapped(page)) << round;
  }
}
#endif

TEST(CheckedMath, FindsOverflow) {
  EXPECT_EQ(CheckedAdd<size_t>(2, 3), 5u);
  EXPECT_FALSE(CheckedAdd<size_t>(SIZE_MAX, 1));
  EXPECT_FALSE(CheckedMul<int>(1 << 20, 1 << 20));
  EXPECT_EQ(CheckedRoundUp<size_t>(65, 64), 128u);
  EXPECT_FALSE(CheckedRoundUp<size_t>(SIZE_MAX - 3, 64));
  const auto product = [](std::vector<int64_t> dims) {
    return CheckedProduct(dims);
  };
  EXPECT_EQ(product({}), 1u);
  EXPECT_EQ(product({2, 3, 4}), 24u);
  EXPECT_FALSE(product({2, -3}));
  EXPECT_FALSE(product({int64_t{1} << 40, int64_t{1} << 40}));
}

}  // namespace
}  // namespace tae
