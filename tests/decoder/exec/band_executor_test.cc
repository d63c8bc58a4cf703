// The production path against its own whole-plane twin, bit for bit, and
// against the reference executor.
#include "exec/band_executor.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "exec/schedule.h"
#include "kernels/select.h"
#include "kernels/tables.h"
#include "support/instrumented.h"
#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::MaxAbsDifference;
using testing::SeededFlux2;
using testing::SeededLatent;
using testing::SeededModel;

// Runs indices in a seeded order on as many threads as workers, with delays.
class ShuffledParallel final : public ParallelFor {
 public:
  ShuffledParallel(int workers, unsigned seed)
      : workers_(workers), random_(seed) {}
  int workers() const override { return workers_; }
  void Run(int count, Task task, void* context) override {
    std::vector<int> order(count);
    for (int i = 0; i < count; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    std::vector<std::thread> threads;
    std::atomic<int> next{0};
    for (int w = 0; w < workers_; ++w)
      threads.emplace_back([&, w, delay = random_() % 3000] {
        std::this_thread::sleep_for(std::chrono::microseconds(delay));
        for (int i; (i = next.fetch_add(1)) < count;)
          task(context, order[i], workers_ - 1 - w);
      });
    for (std::thread& thread : threads) thread.join();
  }

 private:
  const int workers_;
  std::mt19937 random_;
};

struct How {
  const KernelTable* table = &kScalarTable;
  bool whole_planes = false;
  std::shared_ptr<ParallelFor> parallel = {};
  PixelFormat format = PixelFormat::kRgbPlanarF32;
};

std::vector<float> Decode(const std::shared_ptr<const Model>& model,
                          Extent extent, const How& run, int frames = 1) {
  const auto plan = std::make_shared<const Plan>(
      *CompilePlan(model->spec(), {.latent = extent, .format = run.format}));
  ExecutorOr executor = MakeBandExecutor({model, plan, run.parallel, ""},
                                         {run.table, run.whole_planes});
  EXPECT_TRUE(executor.ok()) << executor.status().message();
  if (!executor.ok()) return {};
  const SeededLatent latent(plan->latent_channels, extent);
  FloatFrame frame(extent.width * 8, extent.height * 8);
  for (int i = 0; i < frames; ++i)
    (*executor)->Run(latent.view, frame.view, nullptr);
  return frame.values;
}

std::vector<float> Reference(const std::shared_ptr<const Model>& model,
                             Extent extent) {
  const auto plan = std::make_shared<const Plan>(*CompilePlan(
      model->spec(), {.latent = extent, .format = PixelFormat::kRgbPlanarF32}));
  ExecutorOr executor =
      MakeReferenceExecutor({model, plan, MakeThreadPool({.threads = 2}), ""});
  EXPECT_TRUE(executor.ok());
  const SeededLatent latent(plan->latent_channels, extent);
  FloatFrame frame(extent.width * 8, extent.height * 8);
  (*executor)->Run(latent.view, frame.view, nullptr);
  return frame.values;
}

struct TableCase {
  const KernelTable* table;
  double bound;  // on seeded weights, which are harsher than trained ones
};

std::vector<TableCase> RunnableTables() {
  std::vector<TableCase> tables = {{&kScalarTable, 1e-4}};
  for (const TableEntry& entry : KernelTables())
    if (entry.supported())
      tables.push_back({entry.table, entry.precision == Precision::kF32 ? 4e-4
                                     : entry.precision == Precision::kF16
                                         ? 1.5e-2
                                         : 0.15});
  return tables;
}

class ExtentTest : public ::testing::TestWithParam<Extent> {};

TEST_P(ExtentTest, BandsEqualWholePlanesBitForBit) {
  const auto model = SeededFlux2();
  for (const TableCase& c : RunnableTables()) {
    const auto planes =
        Decode(model, GetParam(), {.table = c.table, .whole_planes = true});
    EXPECT_EQ(Decode(model, GetParam(), {.table = c.table}), planes)
        << c.table->name;
  }
}

TEST_P(ExtentTest, EveryTableIsNearTheReference) {
  const auto model = SeededFlux2();
  const auto right = Reference(model, GetParam());
  for (const TableCase& c : RunnableTables())
    EXPECT_LT(
        MaxAbsDifference(Decode(model, GetParam(), {.table = c.table}), right),
        c.bound)
        << c.table->name;
}

TEST_P(ExtentTest, ThreadsAndOrderDoNotChangeABit) {
  const auto model = SeededFlux2();
  const KernelTable* table = RunnableTables().back().table;
  const std::vector<int> thread_counts =
      testing::kInstrumented ? std::vector{3} : std::vector{2, 3, 7};
  for (const KernelTable* t : {&kScalarTable, table}) {
    const auto one = Decode(model, GetParam(), {.table = t});
    for (int threads : thread_counts) {
      const How pool{.table = t,
                     .parallel = MakeThreadPool({.threads = threads})};
      EXPECT_EQ(Decode(model, GetParam(), pool, 3), one) << threads;
      const How shuffled{
          .table = t,
          .parallel = std::make_shared<ShuffledParallel>(threads, threads)};
      EXPECT_EQ(Decode(model, GetParam(), shuffled, 2), one) << threads;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Extents, ExtentTest,
    ::testing::ValuesIn(testing::UpTo<Extent>(
        4, testing::kInstrumented,
        {{1, 1}, {1, 7}, {5, 3}, {2, 2}, {9, 13}, {4, 32}})),
    [](const auto& info) {
      return std::to_string(info.param.height) + "x" +
             std::to_string(info.param.width);
    });

// Rows of several chunks, so that neighbours of one row run at the same time.
TEST(BandExecutorTest, WideRowsOfManyChunks) {
  const auto model = SeededFlux2();
  const Extent extent = testing::kInstrumented ? Extent{1, 40} : Extent{20, 75};
  const KernelTable* table = *SelectTable(Precision::kF16, "");
  if (table == &kScalarTable) GTEST_SKIP() << "no fast table on this CPU";
  const auto planes =
      Decode(model, extent, {.table = table, .whole_planes = true});
  EXPECT_EQ(Decode(model, extent, {.table = table}), planes);
  for (int threads : testing::Sample({2, 5, 16}, {3})) {
    const How pool{.table = table,
                   .parallel = MakeThreadPool({.threads = threads})};
    EXPECT_EQ(Decode(model, extent, pool, 4), planes) << threads;
  }
}

// Shared chroma crosses the seams between chunks.
TEST(BandExecutorTest, SharedChromaHasNoSeams) {
  const auto model = SeededFlux2();
  const Extent extent{2, 50};
  const int width = extent.width * 8, height = extent.height * 8;
  const KernelTable* table = *SelectTable(Precision::kF16, "");
  const auto floats = Decode(model, extent, {.table = table});

  const auto plan = std::make_shared<const Plan>(*CompilePlan(
      model->spec(), {.latent = extent, .format = PixelFormat::kI420}));
  ExecutorOr executor =
      MakeBandExecutor({model, plan, nullptr, ""}, {.table = table});
  ASSERT_TRUE(executor.ok());
  std::vector<uint8_t> stored[2];
  for (int i = 0; i < 2; ++i) {
    stored[i].resize(width * height * 3 / 2);
    FrameView frame{
        .format = PixelFormat::kI420, .width = width, .height = height};
    frame.plane[0] = stored[i].data();
    frame.plane[1] = stored[i].data() + width * height;
    frame.plane[2] = stored[i].data() + width * height * 5 / 4;
    frame.stride[0] = width;
    frame.stride[1] = frame.stride[2] = width / 2;
    if (i == 0) {
      const SeededLatent latent(plan->latent_channels, extent);
      (*executor)->Run(latent.view, frame, nullptr);
      continue;
    }
    for (int y = 0; y < height; y += 2) {  // whole rows: no seams
      StoreTask task{.rgb = {},
                     .y = y,
                     .row_count = 2,
                     .begin = 0,
                     .end = width,
                     .frame = &frame};
      for (int c = 0; c < 3; ++c)
        for (int r = 0; r < 2; ++r)
          task.rgb[c][r] = floats.data() + (c * height + y + r) * width;
      table->store(task);
    }
  }
  for (size_t i = 0; i < stored[0].size(); ++i)
    ASSERT_NEAR(stored[0][i], stored[1][i], 1) << i;
}

// A table whose tiles share scales by eight must never see a cut between them,
// neither where a chunk begins nor one tile to its left.
KernelTable GridTable() {
  KernelTable table = kScalarTable;
  table.tile_grid = 8;
  table.rgb = [](const PackedLayer* packed, const RgbTask& task,
                 void* scratch) {
    EXPECT_EQ(task.tile_begin % 8, 0);
    kScalarTable.rgb(packed, task, scratch);
  };
  return table;
}

TEST(BandExecutorTest, RowsAreCutAtTheGridOnly) {
  const auto model = SeededModel(TaesdSpec(4, false), "test");
  const Extent extent{1, testing::kThreadSanitizer ? 17 : 50};
  const int width = extent.width * 8, height = extent.height * 8;
  static const KernelTable table = GridTable();
  std::vector<uint8_t> pictures[2];
  for (int i = 0; i < 2; ++i) {
    const auto plan = std::make_shared<const Plan>(*CompilePlan(
        model->spec(), {.latent = extent, .format = PixelFormat::kNv12}));
    ExecutorOr executor =
        MakeBandExecutor({model, plan, MakeThreadPool({.threads = 2}), ""},
                         {.table = i == 0 ? &table : &kScalarTable});
    ASSERT_TRUE(executor.ok());
    const SeededLatent latent(plan->latent_channels, extent);
    pictures[i].resize(width * height * 3 / 2);
    FrameView frame{
        .format = PixelFormat::kNv12, .width = width, .height = height};
    frame.plane[0] = pictures[i].data();
    frame.plane[1] = pictures[i].data() + width * height;
    frame.stride[0] = frame.stride[1] = width;
    (*executor)->Run(latent.view, frame, nullptr);
  }
  EXPECT_EQ(pictures[0], pictures[1]);
}

TEST(BandExecutorTest, NetworksWithoutAPoolStreamFromTheLatentOn) {
  const Extent extent =
      testing::kThreadSanitizer ? Extent{1, 1} : Extent{11, 6};
  for (int channels : {4, 16}) {
    const auto model = SeededModel(TaesdSpec(channels, false), "test");
    EXPECT_LT(
        MaxAbsDifference(Decode(model, extent, {}), Reference(model, extent)),
        1e-4);
  }
}

TEST(BandExecutorTest, ManyFramesWrapTheRoundCounter) {
  const auto model = SeededModel(TaesdSpec(4, false), "test");
  const How run{.parallel = MakeThreadPool({.threads = 2})};
  EXPECT_EQ(Decode(model, {1, 1}, run, testing::kThreadSanitizer ? 20 : 300),
            Decode(model, {1, 1}, {}));
}

TEST(BandExecutorTest, MemoryStaysInsideItsBudget) {
  const auto model = SeededFlux2();
  const auto parallel =
      std::shared_ptr<ParallelFor>(MakeThreadPool({.threads = 2}));
  const StatusOr<const KernelTable*> table = SelectTable(Precision::kF16, "");
  ASSERT_TRUE(table.ok());
  if ((*table)->bytes_per_channel != 2)
    GTEST_SKIP() << "no table with half activations on this CPU";
  const std::pair<int, size_t> budgets[] = {{128, 24}, {256, 60}, {512, 192}};
  for (const auto& [side, mebibytes] : budgets) {
    const auto plan = std::make_shared<const Plan>(
        *CompilePlan(model->spec(), {.latent = {side, side}}));
    ExecutorOr executor =
        MakeBandExecutor({model, plan, parallel, ""}, {.table = *table});
    ASSERT_TRUE(executor.ok());
    EXPECT_LE((*executor)->arena_bytes(), mebibytes << 20) << side;
    RecordProperty("arena_" + std::to_string(side * 8),
                   static_cast<int>((*executor)->arena_bytes()));
  }
}

TEST(BandExecutorTest, ShowsEveryTensor) {
  const auto model = SeededFlux2();
  const auto plan = std::make_shared<const Plan>(*CompilePlan(
      model->spec(), {.latent = {3, 5}, .format = PixelFormat::kRgbPlanarF32}));
  const SeededLatent latent(32, {3, 5});
  FloatFrame frame(40, 24);
  std::vector<std::vector<float>> seen[2];
  ExecutorOr executors[2] = {
      MakeReferenceExecutor({model, plan, nullptr, ""}),
      MakeBandExecutor({model, plan, nullptr, ""}, {.table = &kScalarTable})};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE((*executors[i])
                    ->Observe([&](int, Extent extent, int channels,
                                  const float* values) {
                      seen[i].emplace_back(
                          values, values + size_t(extent.height) *
                                               extent.width * channels);
                    }));
    (*executors[i])->Run(latent.view, frame.view, nullptr);
  }
  ASSERT_EQ(seen[0].size(), plan->steps.size() - 1);
  ASSERT_EQ(seen[1].size(), seen[0].size());
  for (size_t i = 0; i < seen[0].size(); ++i)
    EXPECT_LT(MaxAbsDifference(seen[0][i], seen[1][i]), 1e-4) << i;
}

}  // namespace
}  // namespace tae
