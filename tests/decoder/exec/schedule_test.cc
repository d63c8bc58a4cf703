// Schedules of many shapes, replayed on paper: every row that a task reads is
// in memory when the task's turn comes, and waits only look back.
#include "exec/schedule.h"

#include <gtest/gtest.h>

#include <map>

#include "exec/tile_rows.h"
#include "kernels/kernel_table.h"
#include "model/architectures.h"

namespace tae {
namespace {

struct Case {
  bool pool;
  Extent latent;
  int workers;
  int tiles;
  bool whole_planes;
};

// What lies in each slot of each ring: a tensor's row.
class Replay {
 public:
  Replay(const Plan& plan, const Schedule& schedule)
      : plan_(plan), schedule_(schedule) {}

  void Write(int tensor, int first, int count) {
    for (int y = first; y < first + count; ++y)
      if (Inside(tensor, y)) slots_[Slot(tensor, y)] = {tensor, y};
  }
  void Read(int tensor, int first, int count) {
    for (int y = first; y < first + count; ++y)
      if (Inside(tensor, y)) {
        EXPECT_EQ(slots_[Slot(tensor, y)], std::make_pair(tensor, y));
      }
  }
  int Height(int tensor) const { return plan_.tensors[tensor].extent.height; }

 private:
  bool Inside(int tensor, int y) const { return y >= 0 && y < Height(tensor); }
  std::pair<int, int> Slot(int tensor, int y) const {
    const int ring = schedule_.ring_of_tensor[tensor];
    return {ring, y % schedule_.rings[ring].rows};
  }

  const Plan& plan_;
  const Schedule& schedule_;
  std::map<std::pair<int, int>, std::pair<int, int>> slots_;
};

void RunTask(const Plan& plan, const TileRows& tiles, const RowTask& task,
             Replay* replay) {
  const Step& step = plan.steps[task.step];
  const int y = task.row * kTile - tiles.Shift(task.step);
  switch (task.kind) {
    case TaskKind::kLoad:
      return replay->Write(step.output, y, kTile);
    case TaskKind::kConv:
      replay->Read(step.input, y - 1, kTile + 2);
      if (step.epilogue.skip != kNoTensor)
        replay->Read(step.epilogue.skip, y, kTile);
      return replay->Write(step.output, y, kTile);
    case TaskKind::kUpConv:
      replay->Read(step.input, 2 * task.row - 1, 3);
      return replay->Write(step.output, y, kTile);
    case TaskKind::kPoolStats: {
      const int rows = StatsRows(replay->Height(step.input));
      return replay->Read(step.input, task.row * rows, rows);
    }
    case TaskKind::kPoolFold:
      return replay->Read(step.input, 0, replay->Height(step.input));
    case TaskKind::kPool:
      replay->Read(step.input, y, kTile);
      return replay->Write(step.output, y, kTile);
    case TaskKind::kRgb:
      return replay->Read(step.input, y - 1, kTile + 2);
    case TaskKind::kShuffle:
      return replay->Read(step.input, y, kTile);
  }
}

class ScheduleTest : public ::testing::TestWithParam<Case> {
 protected:
  void Check(const ModelSpec& spec);
};

TEST_P(ScheduleTest, EveryRowIsThereWhenItIsRead) {
  Check(TaesdSpec(16, GetParam().pool));
}

TEST_P(ScheduleTest, EveryRowOfTheBuiltinNetworkIsThereToo) {
  Check(BuiltinSpec(32));
}

void ScheduleTest::Check(const ModelSpec& spec) {
  const Case& c = GetParam();
  const StatusOr<Plan> plan = CompilePlan(spec, {.latent = c.latent});
  ASSERT_TRUE(plan.ok());
  const Schedule schedule =
      MakeSchedule(*plan, {.tiles_per_task = c.tiles,
                           .workers = c.workers,
                           .whole_planes = c.whole_planes});
  const TileRows tiles(*plan);
  Replay replay(*plan, schedule);
  int chunks = 0;
  std::vector<int> rows(plan->steps.size(), 0);
  for (const RowTask& task : schedule.tasks) {
    RunTask(*plan, tiles, task, &replay);
    EXPECT_EQ(task.first_chunk, chunks);
    chunks += task.chunk_count;
    rows[task.step] +=
        task.kind != TaskKind::kPoolStats && task.kind != TaskKind::kPoolFold;
  }
  ASSERT_EQ(static_cast<int>(schedule.chunks.size()), chunks);
  for (int i = 0; i < chunks; ++i) EXPECT_LT(schedule.chunks[i].wait_for, i);
  for (size_t i = 0; i < plan->steps.size(); ++i)
    EXPECT_EQ(rows[i], tiles.Count(static_cast<int>(i))) << i;
}

INSTANTIATE_TEST_SUITE_P(Shapes, ScheduleTest,
                         ::testing::Values(Case{true, {1, 1}, 1, 24, false},
                                           Case{true, {1, 300}, 2, 24, false},
                                           Case{true, {300, 1}, 3, 32, false},
                                           Case{false, {1, 1}, 64, 24, false},
                                           Case{false, {64, 48}, 2, 24, false},
                                           Case{true, {128, 128}, 2, 24, false},
                                           Case{true, {75, 50}, 16, 32, false},
                                           Case{true, {33, 17}, 200, 7, false},
                                           Case{false, {31, 9}, 2, 1, false},
                                           Case{true, {40, 24}, 2, 24, true}));

// The reason for all this: memory that grows with the width, not the area.
TEST(RingsTest, RingsOfStreamedTensorsAreShort) {
  const StatusOr<Plan> plan =
      CompilePlan(TaesdSpec(16, false), {.latent = {256, 128}});
  const Schedule schedule =
      MakeSchedule(*plan, {.tiles_per_task = 24, .workers = 2});
  for (const Ring& ring : schedule.rings) EXPECT_LE(ring.rows, 32);
}

}  // namespace
}  // namespace tae
