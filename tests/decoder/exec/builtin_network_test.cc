// The decoder that is compiled in, on every executor and table.
#include <gtest/gtest.h>

#include "exec/band_executor.h"
#include "kernels/select.h"
#include "kernels/tables.h"
#include "support/instrumented.h"
#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::MaxAbsDifference;
using testing::SeededLatent;

std::shared_ptr<const Model> Builtin() {
  auto model = BuiltinModel("flux2");
  EXPECT_TRUE(model.ok()) << model.status().message();
  return *model;
}

std::shared_ptr<const Plan> PlanFor(const Model& model, Extent extent) {
  return std::make_shared<const Plan>(*CompilePlan(
      model.spec(), {.latent = extent, .format = PixelFormat::kRgbPlanarF32}));
}

std::vector<float> Decode(const ExecutorOr& executor, Extent extent) {
  EXPECT_TRUE(executor.ok()) << executor.status().message();
  const SeededLatent latent(32, extent);
  FloatFrame frame(extent.width * 8, extent.height * 8);
  (*executor)->Run(latent.view, frame.view, nullptr);
  return frame.values;
}

class BuiltinNetworkTest : public ::testing::TestWithParam<Extent> {
 protected:
  void SetUp() override {
    model_ = Builtin();
    plan_ = PlanFor(*model_, GetParam());
    right_ =
        Decode(MakeReferenceExecutor({model_, plan_, nullptr, ""}), GetParam());
  }

  std::vector<float> Band(const KernelTable* table, bool whole_planes,
                          int threads) const {
    const std::shared_ptr<ParallelFor> pool =
        MakeThreadPool({.threads = threads});
    return Decode(
        MakeBandExecutor({model_, plan_, pool, ""}, {table, whole_planes}),
        GetParam());
  }

  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Plan> plan_;
  std::vector<float> right_;
};

TEST_P(BuiltinNetworkTest, BlasAndScalarAreWithinFloatError) {
  const ExecutorOr blas = MakeBlasExecutor({model_, plan_, nullptr, ""});
  // Where OpenBLAS is missing it says so; any other reason is a fault.
  if (blas.ok()) {
    EXPECT_LT(MaxAbsDifference(Decode(blas, GetParam()), right_), 1e-4);
  } else {
    EXPECT_EQ(blas.status().code(), StatusCode::kUnsupported);
    EXPECT_NE(blas.status().message().find("OpenBLAS"), std::string::npos)
        << blas.status().message();
  }
  EXPECT_LT(MaxAbsDifference(Band(&kScalarTable, false, 1), right_), 1e-4);
}

TEST_P(BuiltinNetworkTest, EveryTableIsNearAndTheSameInBandsAndThreads) {
  int tried = 0;
  for (const TableEntry& entry : KernelTables()) {
    if (!entry.supported()) continue;
    ++tried;
    const double bound = entry.precision == Precision::kF32   ? 4e-4
                         : entry.precision == Precision::kF16 ? 1e-2
                                                              : 0.15;
    const auto bands = Band(entry.table, false, 1);
    EXPECT_LT(MaxAbsDifference(bands, right_), bound) << entry.table->name;
    EXPECT_EQ(Band(entry.table, true, 1), bands) << entry.table->name;
    EXPECT_EQ(Band(entry.table, false, 3), bands) << entry.table->name;
  }
  EXPECT_GT(tried, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Extents, BuiltinNetworkTest,
    ::testing::ValuesIn(testing::UpTo<Extent>(15, testing::kThreadSanitizer,
                                              {{1, 1}, {3, 5}, {17, 30}})),
    [](const auto& info) {
      return std::to_string(info.param.height) + "x" +
             std::to_string(info.param.width);
    });

}  // namespace
}  // namespace tae
