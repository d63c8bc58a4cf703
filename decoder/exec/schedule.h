// In what order a plan is run row by row, how few rows of each tensor that
// needs in memory, and which pieces must wait for which. Pure data.
//
// A row task computes one tile row of a step (tile_rows.h). A consumer's task
// follows as soon as the rows that it reads exist, so a tensor is a ring of few
// rows; a tensor that a barrier (the pool) needs whole has as many rows as the
// plane. Row tasks are cut into chunks of tiles. All chunks form one list in an
// order that respects every dependency; `wait_for` is the last chunk of the
// list that must be done, with all before it, when a chunk starts.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/plan.h"

namespace tae {

enum class TaskKind : uint8_t {
  kLoad,
  kConv,
  kUpConv,
  kPoolStats,  // a fixed group of rows
  kPoolFold,   // once a pool
  kPool,
  kRgb,
  kShuffle,
};

struct RowTask {
  TaskKind kind = TaskKind::kLoad;
  int step = 0;
  int row = 0;  // tile row; of kPoolStats: the group
  int first_chunk = 0;
  int chunk_count = 1;
};

struct Chunk {
  int task = 0;
  int wait_for = -1;  // -1: nothing
};

// Rows of a tensor in memory. Row y lies in slot y % rows of its ring.
struct Ring {
  int rows = 0;
  int width = 0;  // pixels
};

struct Schedule {
  std::vector<Ring> rings;
  std::vector<int> ring_of_tensor;
  std::vector<RowTask> tasks;
  std::vector<Chunk> chunks;
  std::vector<int> chunk_tiles;  // of each step: tiles of a chunk
  std::vector<int> end_of_step;  // whole planes only: first chunk after it
  int stats_groups = 0;          // of the tallest pool
};

struct ScheduleOptions {
  int tiles_per_task = 24;
  int tile_grid = 1;  // a row is only cut at multiples of it
  int workers = 1;
  // Every tensor a whole plane of its own, step after step: the twin that the
  // bands are tested against, and the way to see every tensor.
  bool whole_planes = false;
};

// Rows of one kPoolStats task for a plane of `height` rows: few groups, a
// multiple of the tile, and the same for any number of threads.
int StatsRows(int height);

Schedule MakeSchedule(const Plan& plan, const ScheduleOptions& options);

}  // namespace tae
