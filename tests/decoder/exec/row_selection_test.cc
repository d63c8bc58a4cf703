// Which rows of the picture hang on which rows of the latent: derived from the
// plan, against decoding everything with one row changed.
#include "exec/row_selection.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "exec/band_executor.h"
#include "kernels/select.h"
#include "kernels/tables.h"
#include "support/instrumented.h"
#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::SeededLatent;
using testing::SeededModel;

std::shared_ptr<const Plan> PlanOf(const ModelSpec& spec, Extent latent,
                                   PixelFormat format) {
  return std::make_shared<const Plan>(
      *CompilePlan(spec, {.latent = latent, .format = format}));
}

// Rows of the frame that one changed row of the latent reaches, first to last.
RowRange ReachOf(const Plan& plan, int row) {
  const TileRows tiles(plan);
  RowSelection selection(plan, tiles);
  std::vector<uint8_t> changed(plan.key.latent.height);
  changed[row] = 1;
  const int left_out = selection.Select(changed);
  const int last = static_cast<int>(plan.steps.size()) - 1;
  RowRange reach{plan.frame.height, 0};
  for (int t = 0; t < tiles.Count(last); ++t) {
    if (!selection.Has(last, t)) continue;
    reach.begin = std::min(reach.begin, tiles.Written(last, t).begin);
    reach.end = tiles.Written(last, t).end;
  }
  EXPECT_EQ(left_out, plan.frame.height - (reach.end - reach.begin));
  return reach;
}

std::vector<const KernelTable*> RunnableTables() {
  std::vector<const KernelTable*> tables = {&kScalarTable};
  for (const TableEntry& entry : KernelTables())
    if (entry.supported()) tables.push_back(entry.table);
  return tables;
}

TEST(RowSelectionTest, ARowReachesItsReceptiveFieldAndTheTilesAroundIt) {
  const auto plan = PlanOf(TaesdSpec(4, false), {512, 1}, PixelFormat::kRgb);
  const RowRange reach = ReachOf(*plan, 256);
  // 19 latents are the receptive field of the network; the tiles add as many.
  EXPECT_LE(reach.begin, (256 - 19) * 8);
  EXPECT_GE(reach.end, (257 + 19) * 8);
  EXPECT_GE(reach.begin, (256 - 38) * 8);
  EXPECT_LE(reach.end, (257 + 38) * 8);
  EXPECT_EQ(ReachOf(*plan, 0).begin, 0);
  EXPECT_EQ(ReachOf(*plan, 511).end, 4096);
}

TEST(RowSelectionTest, NothingChangedIsNothingToDo) {
  const auto plan = PlanOf(TaesdSpec(4, false), {9, 3}, PixelFormat::kRgb);
  const TileRows tiles(*plan);
  RowSelection selection(*plan, tiles);
  EXPECT_EQ(selection.Select(std::vector<uint8_t>(9, 0)), 72);
  EXPECT_FALSE(selection.Has(0, 0));
  EXPECT_EQ(selection.Select(std::vector<uint8_t>(9, 1)), 0);
  EXPECT_TRUE(selection.Has(0, 2));
}

// One where the build makes each slow.
std::vector<const KernelTable*> FewTables() {
  std::vector<const KernelTable*> tables = RunnableTables();
  if (testing::kInstrumented) tables.erase(tables.begin(), tables.end() - 1);
  return tables;
}

class ChangedLatent {
 public:
  explicit ChangedLatent(int channels, Extent extent)
      : latent_(channels, extent) {}
  const LatentView& view() const { return latent_.view; }
  // Another value in every channel of a row.
  void Change(int row) {
    const Extent extent = view().extent;
    for (int c = 0; c < view().channels; ++c)
      for (int x = 0; x < extent.width; ++x)
        latent_.values[(size_t(c) * extent.height + row) * extent.width + x] =
            normal_(random_);
  }

 private:
  SeededLatent latent_;
  std::mt19937 random_{11};
  std::normal_distribution<float> normal_;
};

// The derived reach holds for every table; its bits are what really happens.
TEST(RowSelectionTest, NoBitOutsideOfTheReachChanges) {
  const Extent extent{62, 1};
  const auto model = SeededModel(TaesdSpec(4, false), "test");
  const auto plan = PlanOf(model->spec(), extent, PixelFormat::kRgbPlanarF32);
  for (const KernelTable* table : FewTables()) {
    ExecutorOr executor =
        MakeBandExecutor({model, plan, nullptr, ""}, {.table = table});
    ASSERT_TRUE(executor.ok());
    for (int row : testing::Sample({0, 7, 61}, {7})) {
      ChangedLatent latent(4, extent);
      FloatFrame before(8, 496), after(8, 496);
      (*executor)->Run(latent.view(), before.view, nullptr);
      latent.Change(row);
      (*executor)->Run(latent.view(), after.view, nullptr);
      const RowRange reach = ReachOf(*plan, row);
      int first = 496, end = 0;
      for (int y = 0; y < 496; ++y)
        for (int c = 0; c < 3; ++c)
          if (std::memcmp(&before.values[(size_t(c) * 496 + y) * 8],
                          &after.values[(size_t(c) * 496 + y) * 8],
                          8 * sizeof(float)) != 0) {
            first = std::min(first, y);
            end = y + 1;
          }
      EXPECT_GE(first, reach.begin) << table->name << ", row " << row;
      EXPECT_LE(end, reach.end) << table->name << ", row " << row;
      EXPECT_LT(first, end) << table->name << ", row " << row;
      RecordProperty(std::string(table->name) + "_" + std::to_string(row),
                     std::to_string(first) + ".." + std::to_string(end) +
                         " of " + std::to_string(reach.begin) + ".." +
                         std::to_string(reach.end));
    }
  }
}

// One changed latent after the other into the same frame.
void ExpectSameBits(const std::shared_ptr<const Model>& model, Extent extent,
                    const KernelTable* table,
                    const std::shared_ptr<ParallelFor>& parallel) {
  const auto plan = PlanOf(model->spec(), extent, PixelFormat::kRgbPlanarF32);
  ExecutorOr executor =
      MakeBandExecutor({model, plan, parallel, ""}, {.table = table});
  ASSERT_TRUE(executor.ok());
  ChangedLatent latent(plan->latent_channels, extent);
  FloatFrame frame(plan->frame.width, plan->frame.height);
  FloatFrame whole(plan->frame.width, plan->frame.height);
  (*executor)->Run(latent.view(), frame.view, nullptr);
  std::mt19937 random(3);
  for (int i = 0; i < 5; ++i) {
    std::vector<uint8_t> changed(extent.height);
    const int rows = i % 3;
    for (int k = 0; k < rows; ++k) {
      const int row = static_cast<int>(random() % unsigned(extent.height));
      latent.Change(row);
      changed[row] = 1;
    }
    DecodeReport report;
    (*executor)->RunChanged(latent.view(), changed, frame.view, &report);
    (*executor)->Run(latent.view(), whole.view, nullptr);
    EXPECT_EQ(frame.values, whole.values) << table->name << ", round " << i;
    EXPECT_EQ(report.rows_left_out == plan->frame.height,
              rows == 0 && (*executor)->leaves_out_rows());
  }
}

TEST(RowSelectionTest, LeavingOutRowsChangesNoBit) {
  for (const KernelTable* table : FewTables())
    ExpectSameBits(SeededModel(TaesdSpec(16, false), "test"), {59, 1}, table,
                   nullptr);
}

TEST(RowSelectionTest, LeavingOutRowsOnManyThreads) {
  const auto model = SeededModel(TaesdSpec(4, false), "test");
  const Extent extent = testing::kInstrumented ? Extent{3, 1} : Extent{60, 34};
  for (int threads : {2, 3, 7})
    ExpectSameBits(model, extent, RunnableTables().back(),
                   MakeThreadPool({.threads = threads}));
}

TEST(RowSelectionTest, NetworksWithAPoolDecodeEverything) {
  const Extent extent =
      testing::kThreadSanitizer ? Extent{1, 1} : Extent{20, 5};
  ExpectSameBits(testing::SeededFlux2(), extent, RunnableTables().back(),
                 nullptr);
}

}  // namespace
}  // namespace tae
