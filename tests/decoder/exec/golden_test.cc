// Every stored case through every backend and kernel table that runs here.
#include "tool/golden.h"

#include <gtest/gtest.h>

#include <cmath>

#include "exec/band_executor.h"
#include "kernels/select.h"
#include "kernels/tables.h"
#include "model/model.h"
#include "support/instrumented.h"
#include "support/seeded_model.h"
#include "support/shared_data.h"

namespace tae {
namespace {

struct Error {
  double max_abs = 0;
  double mean_abs = 0;
  double psnr = 0;
};

class GoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    TAE_SHARED_OR_SKIP(path, "golden/" + std::string(GetParam()));
    StatusOr<tool::Golden> golden = tool::ReadGolden(path);
    ASSERT_TRUE(golden.ok()) << golden.status().message();
    golden_ = *std::move(golden);
    const std::string weights =
        golden_.weights.empty()
            ? SharedFile("weights/taef2_decoder.safetensors")
            : golden_.weights;
    auto model = LoadModel(weights, {.variant = golden_.variant});
    ASSERT_TRUE(model.ok()) << model.status().message();
    model_ = *model;
    plan_ = std::make_shared<const Plan>(
        *CompilePlan(model_->spec(), {.latent = golden_.latent.extent,
                                      .format = PixelFormat::kRgbPlanarF32}));
  }

  // Whether the case is small enough for this kind of build.
  bool Affordable(double gigaflops) const {
    if (testing::kThreadSanitizer) gigaflops /= 200;
    if (testing::kAddressSanitizer) gigaflops /= 5;
    return plan_->total_flops() <= gigaflops * 1e9;
  }

  Error RunOn(const ExecutorOr& executor) const {
    EXPECT_TRUE(executor.ok()) << executor.status().message();
    if (!executor.ok()) return {INFINITY, INFINITY};
    testing::FloatFrame frame(plan_->frame.width, plan_->frame.height);
    (*executor)->Run(golden_.latent, frame.view, nullptr);
    Error error;
    double squares = 0;
    for (size_t i = 0; i < golden_.image.size(); ++i) {
      const double d = std::abs(double(frame.values[i]) - golden_.image[i]);
      error.max_abs = std::max(error.max_abs, d);
      error.mean_abs += d / static_cast<double>(golden_.image.size());
      squares += d * d / static_cast<double>(golden_.image.size());
    }
    error.psnr = -10 * std::log10(squares + 1e-30);
    return error;
  }

  ExecutorOptions Options() const {
    return {model_, plan_, MakeThreadPool({.threads = 2}), ""};
  }

  tool::Golden golden_;
  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Plan> plan_;
};

TEST_P(GoldenTest, ReferenceIsRight) {
  if (!Affordable(45)) GTEST_SKIP() << "too large for doubles";
  EXPECT_LE(RunOn(MakeReferenceExecutor(Options())).max_abs, 2e-5);
}

TEST_P(GoldenTest, BlasIsWithinTheFloatBound) {
  if (!Affordable(1000)) GTEST_SKIP() << "too large for this build";
  ExecutorOr executor = MakeBlasExecutor(Options());
  if (!executor.ok()) GTEST_SKIP() << executor.status().message();
  EXPECT_LE(RunOn(executor).max_abs, 2e-4);
}

// int8 promises 40 dB, fp16-grade and float their largest errors.
TEST_P(GoldenTest, EveryTableIsWithinItsBound) {
  if (!Affordable(1000)) GTEST_SKIP() << "too large for this build";
  int tried = 0;
  for (const TableEntry& entry : KernelTables()) {
    const bool f16 = entry.precision == Precision::kF16;
    const bool f32 = entry.precision == Precision::kF32;
    if (!entry.supported()) continue;
    const Error error =
        RunOn(MakeBandExecutor(Options(), {.table = entry.table}));
    EXPECT_GE(error.psnr, 40) << entry.table->name;
    ++tried;
    if (!f16 && !f32) continue;
    EXPECT_LE(error.max_abs, f32 ? 2e-4 : 6e-3) << entry.table->name;
    EXPECT_LE(error.mean_abs, 4e-4) << entry.table->name;
  }
  EXPECT_GT(tried, 0);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest,
                         ::testing::Values("flux2_tiny_8x8.safetensors",
                                           "flux2_strip_1024x64.safetensors",
                                           "flux2_chelsea_264x200.safetensors",
                                           "flux2_coffee_600x400.safetensors",
                                           "flux2_astronaut_512.safetensors",
                                           "flux2_wall_768.safetensors",
                                           "flux1_seeded_320x192.safetensors",
                                           "sd_seeded_320x192.safetensors"),
                         [](const auto& info) {
                           const std::string name = info.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace tae
