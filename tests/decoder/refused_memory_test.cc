// Every allocation of the library is refused in turn: the first, the second and
// so on until one more would have been enough. What comes out is a Status that
// says kOutOfMemory, or the right result where the library can go on.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include "support/seeded_model.h"
#include "support/seeded_weights.h"
#include "support/temp_folder.h"
#include "tae/decoder.h"
#include "tae/latent_stream.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TAE_SANITIZED 1
#endif

namespace {
std::atomic<long> until_refused{-1};  // negative: nothing is refused

// Whether this allocation is the one.
bool IsRefused() {
  return until_refused.load() >= 0 && until_refused.fetch_sub(1) == 0;
}
}  // namespace

#if defined(__GLIBC__) && !defined(TAE_SANITIZED)
extern "C" {
void* __libc_memalign(size_t alignment, size_t size);
void* aligned_alloc(size_t alignment, size_t size) {
  return IsRefused() ? nullptr : __libc_memalign(alignment, size);
}
}
#endif
// g++ 12 inlines these and takes the pair for a mistake.
__attribute__((noinline)) void* operator new(size_t size) {
  void* const memory = IsRefused() ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
__attribute__((noinline)) void operator delete(void* memory) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace tae {
namespace {

// Runs `action` again and again, each time with one more allocation allowed (of
// hundreds: with a tenth more), until none is refused any more. Returns how
// many runs were refused one.
int RefuseInTurn(const std::function<Status()>& action) {
  int runs = 0;
  for (int n = 0;; n += 1 + n / 10, ++runs) {
    until_refused = n;
    const Status status = action();
    const bool refused = until_refused.exchange(-1) < 0;
    if (!refused) {
      EXPECT_TRUE(status.ok()) << status.message();
      return runs;
    }
    if (!status.ok()) {
      EXPECT_EQ(status.code(), StatusCode::kOutOfMemory)
          << "allocation " << n << ": " << status.message();
      EXPECT_FALSE(status.message().empty()) << n;
    }
  }
}

class RefusedPrepareTest : public ::testing::TestWithParam<Backend> {};

TEST_P(RefusedPrepareTest, PrepareSaysSo) {
  const std::shared_ptr<ParallelFor> parallel = MakeThreadPool({.threads = 2});
  const auto model = testing::SeededFlux2();
  const testing::SeededLatent latent(32, {2, 3});
  const int refused = RefuseInTurn([&] {
    const long left = until_refused.exchange(-1);
    Decoder decoder(model, {.backend = GetParam(), .parallel = parallel});
    testing::FloatFrame frame(24, 16);
    until_refused = left;
    TAE_RETURN_IF_ERROR(decoder.Prepare(
        {.latent = {2, 3}, .format = PixelFormat::kRgbPlanarF32}));
    return decoder.Decode(latent.view, frame.view, nullptr);
  });
  EXPECT_GT(refused, 10);
  RecordProperty("refused", refused);
}

INSTANTIATE_TEST_SUITE_P(Backends, RefusedPrepareTest,
                         ::testing::Values(Backend::kReference,
                                           Backend::kNative),
                         [](const auto& info) {
                           return info.param == Backend::kReference
                                      ? "reference"
                                      : "native";
                         });

// The sentence that says what does not fit is an allocation itself.
TEST(RefusedMemoryTest, DecodeOfWhatDoesNotFitEndsNothing) {
  Decoder decoder(testing::SeededModel(TaesdSpec(4, false), "test"), {});
  ASSERT_TRUE(decoder.Prepare({.latent = {2, 2}}).ok());
  const testing::SeededLatent latent(4, {3, 2});
  const testing::SeededLatent fits(4, {2, 2});
  const uint8_t changed[3] = {1, 1, 1};
  for (int n = 0; n < 12; ++n) {
    until_refused = n;
    const Status status = decoder.Decode(latent.view, {}, nullptr);
    until_refused = n;
    const Status rows = decoder.DecodeChanged(fits.view, changed, {}, nullptr);
    until_refused = -1;
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(rows.ok());
    EXPECT_FALSE(status.message().empty());
  }
}

TEST(RefusedMemoryTest, ModelsSaySo) {
  const TempFolder folder;
  const std::string path =
      folder.Write("taesd.safetensors", testing::SeededWeights(4).bytes());
  int refused = RefuseInTurn(
      [&]() -> Status { return LoadModel(path, {.variant = "sd"}).status(); });
  EXPECT_GT(refused, 10);
  refused = RefuseInTurn([] { return LinearModel("flux2").status(); });
  EXPECT_GT(refused, 3);
  refused = RefuseInTurn([] { return BuiltinModel("flux2").status(); });
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace tae
