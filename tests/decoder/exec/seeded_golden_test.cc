// Every architecture against pictures that torch computed in float64 from
// seeded weights: every executor and every kernel table that runs here. Needs
// nothing but this repository.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "exec/band_executor.h"
#include "kernels/select.h"
#include "kernels/tables.h"
#include "model/architectures.h"
#include "support/instrumented.h"
#include "support/seeded_model.h"
#include "support/seeded_tensors.h"
#include "tool/golden.h"

namespace tae {
namespace {

struct Case {
  const char* name;
  ModelSpec (*spec)();
  // Weights are seeded: their activations are larger than trained ones', and so
  // are the errors of halves and bytes.
  double half_bound;
  double byte_psnr;
};

class SeededGoldenTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    StatusOr<tool::Golden> golden = tool::ReadGolden(
        std::string(TAE_TEST_DATA) + "/" + GetParam().name + ".safetensors");
    ASSERT_TRUE(golden.ok()) << golden.status().message();
    golden_ = *std::move(golden);
    model_ = testing::ModelOfSeededTensors(GetParam().spec(), "seeded");
    plan_ = std::make_shared<const Plan>(
        *CompilePlan(model_->spec(), {.latent = golden_.latent.extent,
                                      .format = PixelFormat::kRgbPlanarF32}));
    ASSERT_EQ(plan_->frame, golden_.image_extent);
  }

  struct Error {
    double max_abs = 0;
    double psnr = 0;
  };

  Error RunOn(const ExecutorOr& executor) const {
    EXPECT_TRUE(executor.ok()) << executor.status().message();
    if (!executor.ok()) return {INFINITY, 0};
    testing::FloatFrame frame(plan_->frame.width, plan_->frame.height);
    (*executor)->Run(golden_.latent, frame.view, nullptr);
    EXPECT_EQ(frame.values.size(), golden_.image.size());
    double squares = 0;
    for (size_t i = 0; i < golden_.image.size(); ++i)
      squares += std::pow(double(frame.values[i]) - golden_.image[i], 2) /
                 static_cast<double>(golden_.image.size());
    return {testing::MaxAbsDifference(frame.values, golden_.image),
            -10 * std::log10(squares + 1e-30)};
  }

  ExecutorOptions Options(int threads = 2) const {
    return {model_, plan_, MakeThreadPool({.threads = threads}), ""};
  }
  bool IsLinear() const { return plan_->steps[0].kind == StepKind::kLinearRgb; }

  tool::Golden golden_;
  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Plan> plan_;
};

TEST_P(SeededGoldenTest, ReferenceIsRight) {
  EXPECT_LE(RunOn(MakeExecutor(Backend::kReference, Options())).max_abs, 2e-5);
}

TEST_P(SeededGoldenTest, BlasIsWithinTheFloatBound) {
  ExecutorOr executor = MakeExecutor(Backend::kBlas, Options());
  if (!executor.ok()) GTEST_SKIP() << executor.status().message();
  EXPECT_LE(RunOn(executor).max_abs, 2e-4);
}

TEST_P(SeededGoldenTest, EveryTableIsWithinItsBound) {
  int tried = 0;
  const auto run = [&](const KernelTable& table) {
    ++tried;
    return RunOn(IsLinear() ? MakeLinearExecutor(Options(), table)
                            : MakeBandExecutor(Options(), {.table = &table}));
  };
  EXPECT_LE(run(kScalarTable).max_abs, 2e-4);
  for (const TableEntry& entry : KernelTables()) {
    if (!entry.supported()) continue;
    const Error error = run(*entry.table);
    RecordProperty(std::string(entry.table->name) + "_max_abs_1e6",
                   static_cast<int>(error.max_abs * 1e6));
    const bool exact = entry.precision == Precision::kF32 || IsLinear();
    if (exact || entry.precision == Precision::kF16) {
      EXPECT_LE(error.max_abs, exact ? 2e-4 : GetParam().half_bound)
          << entry.table->name;
    }
    EXPECT_GE(error.psnr, GetParam().byte_psnr) << entry.table->name;
  }
  EXPECT_GE(tried, 1);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, SeededGoldenTest,
    ::testing::Values(
        Case{"taesd_c4", [] { return TaesdSpec(4, false); }, 6e-3, 40},
        Case{"taesd_c16", [] { return TaesdSpec(16, false); }, 6e-3, 40},
        Case{"taesd_c32_pool", [] { return TaesdSpec(32, true); }, 6e-3, 40},
        Case{"builtin_c32", [] { return BuiltinSpec(32); }, 6e-3, 40},
        Case{"linear_c16", [] { return LinearSpec(16, 8, 1, 1); }, 2e-4, 80}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tae
