// A prepared decode takes no memory from anybody.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>

#include "support/seeded_model.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TAE_SANITIZED 1
#endif

namespace {
std::atomic<long> allocations{0};
}  // namespace

#if defined(__GLIBC__) && !defined(TAE_SANITIZED)
// Every allocation of the process comes through here; glibc's own functions do
// the work. operator new and aligned_alloc end in these.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
}
#define TAE_COUNTS_ALLOCATIONS 1
#endif

namespace tae {
namespace {

class AllocationTest : public ::testing::TestWithParam<Backend> {};

TEST_P(AllocationTest, DecodeAllocatesNothing) {
#ifndef TAE_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "allocations are counted on glibc without sanitizers only";
#endif
  const auto model = testing::SeededFlux2();
  const std::shared_ptr<ParallelFor> parallel = MakeThreadPool({.threads = 3});
  Decoder decoder(model,
                  {.backend = GetParam(), .parallel = parallel, .cpu = ""});
  const Extent extent{4, 6};
  ASSERT_TRUE(
      decoder.Prepare({.latent = extent, .format = PixelFormat::kRgbPlanarF32})
          .ok());
  const testing::SeededLatent latent(32, extent);
  testing::FloatFrame frame(48, 32);
  const long prepared = allocations;
  EXPECT_GT(prepared, 0);  // the hooks work
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(decoder.Decode(latent.view, frame.view, nullptr).ok());
  EXPECT_EQ(allocations - prepared, 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, AllocationTest,
                         ::testing::Values(Backend::kReference, Backend::kBlas,
                                           Backend::kNative),
                         [](const auto& info) {
                           return info.param == Backend::kReference
                                      ? "reference"
                                  : info.param == Backend::kBlas ? "blas"
                                                                 : "native";
                         });

}  // namespace
}  // namespace tae
