// Executors against each other on seeded networks.
#include <gtest/gtest.h>

#include "exec/executor.h"
#include "support/instrumented.h"
#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::MaxAbsDifference;
using testing::SeededFlux2;
using testing::SeededLatent;
using testing::SeededModel;

std::vector<float> DecodeWith(Backend backend, int threads, Extent extent,
                              const std::shared_ptr<const Model>& model) {
  Decoder decoder(model, {.backend = backend,
                          .parallel = MakeThreadPool({.threads = threads}),
                          .cpu = ""});
  const Status status =
      decoder.Prepare({.latent = extent, .format = PixelFormat::kRgbPlanarF32});
  EXPECT_TRUE(status.ok()) << status.message();
  const SeededLatent latent(GetModelInfo(*model).latent_channels, extent);
  FloatFrame frame(extent.width * 8, extent.height * 8);
  const Status decoded = decoder.Decode(latent.view, frame.view, nullptr);
  EXPECT_TRUE(decoded.ok()) << decoded.message();
  return frame.values;
}

class SizesTest : public ::testing::TestWithParam<Extent> {};

TEST_P(SizesTest, BlasIsWithinFloatErrorOfTheReference) {
  const auto model = SeededFlux2();
  const auto right = DecodeWith(Backend::kReference, 2, GetParam(), model);
  const auto blas = DecodeWith(Backend::kBlas, 2, GetParam(), model);
  EXPECT_LT(MaxAbsDifference(right, blas), 1e-4);
}

TEST_P(SizesTest, ThreadsDoNotChangeABit) {
  const auto model = SeededFlux2();
  for (Backend backend : {Backend::kReference, Backend::kBlas})
    EXPECT_EQ(DecodeWith(backend, 1, GetParam(), model),
              DecodeWith(backend, 3, GetParam(), model));
}

INSTANTIATE_TEST_SUITE_P(Extents, SizesTest,
                         ::testing::ValuesIn(testing::UpTo<Extent>(
                             15, testing::kThreadSanitizer,
                             {{1, 1}, {1, 7}, {5, 3}, {4, 17}})),
                         [](const auto& info) {
                           return std::to_string(info.param.height) + "x" +
                                  std::to_string(info.param.width);
                         });

TEST(ExecutorsTest, EveryChannelCountDecodes) {
  for (int channels : {4, 16, 32, 64}) {
    const auto model = SeededModel(TaesdSpec(channels, false), "test");
    const auto right = DecodeWith(Backend::kReference, 2, {2, 3}, model);
    const auto blas = DecodeWith(Backend::kBlas, 2, {2, 3}, model);
    EXPECT_LT(MaxAbsDifference(right, blas), 1e-4) << channels;
  }
}

TEST(ExecutorsTest, StepsOfBlasFollowTheReference) {
  const auto model = SeededFlux2();
  const auto plan = std::make_shared<const Plan>(*CompilePlan(
      model->spec(), {.latent = {3, 4}, .format = PixelFormat::kRgbPlanarF32}));
  const SeededLatent latent(32, {3, 4});
  FloatFrame frame(32, 24);
  std::vector<std::vector<float>> tensors[2];
  int which = 0;
  for (Backend backend : {Backend::kReference, Backend::kBlas}) {
    ExecutorOr executor = MakeExecutor(backend, {model, plan, nullptr, ""});
    ASSERT_TRUE(executor.ok());
    auto& seen = tensors[which++];
    ASSERT_TRUE((*executor)->Observe(
        [&](int, Extent extent, int channels, const float* values) {
          seen.emplace_back(
              values, values + size_t(extent.height) * extent.width * channels);
        }));
    (*executor)->Run(latent.view, frame.view, nullptr);
  }
  ASSERT_EQ(tensors[0].size(), plan->steps.size() - 1);
  ASSERT_EQ(tensors[1].size(), tensors[0].size());
  for (size_t i = 0; i < tensors[0].size(); ++i)
    EXPECT_LT(MaxAbsDifference(tensors[0][i], tensors[1][i]), 1e-4) << i;
}

}  // namespace
}  // namespace tae
