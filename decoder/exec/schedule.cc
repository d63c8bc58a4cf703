#include "exec/schedule.h"

#include <algorithm>
#include <climits>

#include "exec/tile_rows.h"
#include "kernels/kernel_table.h"

namespace tae {
namespace {

constexpr int kMaxStatsGroups = 32;

int CeilDiv(int a, int b) { return (a + b - 1) / b; }

// The order of the row tasks: what the last step wants is made first, and
// nothing before it is wanted.
class OrderBuilder {
 public:
  OrderBuilder(const Plan& plan, const ScheduleOptions& options)
      : plan_(plan),
        options_(options),
        tiles_(plan),
        done_rows_(plan.steps.size(), 0),
        ready_(plan.tensors.size(), 0),
        heights_(plan.tensors.size(), 0) {}

  void Run() {
    const int steps = static_cast<int>(plan_.steps.size());
    for (int step = 0; step < steps; ++step)
      if (options_.whole_planes || IsBarrier(plan_.steps[step].kind) ||
          step == steps - 1)
        Advance(step, tiles_.Count(step));
  }

  std::vector<RowTask> tasks;
  const std::vector<int>& heights() const { return heights_; }

 private:
  const Tensor& TensorOf(int tensor) const { return plan_.tensors[tensor]; }

  // The last step at or before `limit` that writes the tensor.
  int WriterBefore(int tensor, int limit) const {
    for (int step = limit - 1; step >= 0; --step)
      if (plan_.steps[step].output == tensor) return step;
    return -1;
  }

  // Runs tile rows of a step until `rows` of them are done.
  void Advance(int step, int rows) {
    if (plan_.steps[step].kind == StepKind::kPool) return AdvancePool(step);
    for (int t = done_rows_[step]; t < rows; ++t) {
      Demand(step, plan_.steps[step].input, t);
      Demand(step, plan_.steps[step].epilogue.skip, t);
      Emit(step, t);
    }
  }

  void Demand(int step, int tensor, int t) {
    if (tensor == kNoTensor) return;
    const int writer = WriterBefore(tensor, step);
    const int needed = tiles_.Read(step, tensor, t).end;
    if (plan_.steps[writer].kind == StepKind::kPool || ready_[tensor] >= needed)
      return;
    int rows = CeilDiv(needed + tiles_.Shift(writer), kTile);
    rows = CeilDiv(rows, RowsPerTurn(writer)) * RowsPerTurn(writer);
    Advance(writer, std::min(rows, tiles_.Count(writer)));
  }

  // Short rows come several at a time, so that all workers have something.
  int RowsPerTurn(int step) const {
    const int chunks = CeilDiv(tiles_.Columns(step), options_.tiles_per_task);
    return std::clamp(CeilDiv(options_.workers, chunks), 1, 16);
  }

  static TaskKind KindOf(StepKind kind) {
    switch (kind) {
      case StepKind::kConv:
        return TaskKind::kConv;
      case StepKind::kUpConv:
        return TaskKind::kUpConv;
      case StepKind::kStoreRgb:
        return TaskKind::kRgb;
      case StepKind::kPool:
        return TaskKind::kPool;
      case StepKind::kShuffle:
        return TaskKind::kShuffle;
      case StepKind::kLoad:
      case StepKind::kLinearRgb:  // an executor of its own
        return TaskKind::kLoad;
    }
    return TaskKind::kLoad;
  }

  void Emit(int step, int t) {
    const Step& s = plan_.steps[step];
    tasks.push_back({.kind = KindOf(s.kind), .step = step, .row = t});
    done_rows_[step] = t + 1;
    if (s.output == kNoTensor) return;
    ready_[s.output] = tiles_.Written(step, t).end;
    heights_[s.output] =
        std::max(heights_[s.output], ready_[s.output] - OldestNeeded(s.output));
  }

  // The first row of a tensor that a later task still reads.
  int OldestNeeded(int tensor) const {
    int oldest = TensorOf(tensor).extent.height;
    const int steps = static_cast<int>(plan_.steps.size());
    for (int i = 0; i < steps; ++i) {
      const Step& s = plan_.steps[i];
      if (s.input != tensor && s.epilogue.skip != tensor) continue;
      if (done_rows_[i] == tiles_.Count(i)) continue;
      oldest = std::min(oldest, tiles_.Read(i, tensor, done_rows_[i]).begin);
    }
    return oldest;
  }

  void AdvancePool(int step) {
    const int tensor = plan_.steps[step].output;
    const int height = TensorOf(tensor).extent.height;
    const int writer = WriterBefore(tensor, step);
    Advance(writer, tiles_.Count(writer));
    const int groups = CeilDiv(height, StatsRows(height));
    for (int g = 0; g < groups; ++g)
      tasks.push_back({.kind = TaskKind::kPoolStats, .step = step, .row = g});
    tasks.push_back({.kind = TaskKind::kPoolFold, .step = step, .row = 0});
    for (int t = 0; t < tiles_.Count(step); ++t) Emit(step, t);
  }

  const Plan& plan_;
  const ScheduleOptions& options_;
  const TileRows tiles_;
  std::vector<int> done_rows_;  // tile rows of each step that are in `tasks`
  std::vector<int> ready_;      // rows of each tensor that exist
  std::vector<int> heights_;    // rows of each tensor that must be kept
};

// Who touched the memory of a row last, as the list of chunks is written.
class ChunkBuilder {
 public:
  ChunkBuilder(const Plan& plan, int tile_grid, Schedule* schedule)
      : plan_(plan), tiles_(plan), tile_grid_(tile_grid), schedule_(*schedule) {
    for (const Ring& ring : schedule_.rings)
      slots_.emplace_back(static_cast<size_t>(ring.rows));
  }

  void Run() {
    for (size_t i = 0; i < schedule_.tasks.size(); ++i) {
      RowTask& task = schedule_.tasks[i];
      task.first_chunk = static_cast<int>(schedule_.chunks.size());
      task.chunk_count = ChunksOf(task);
      for (int c = 0; c < task.chunk_count; ++c)
        schedule_.chunks.push_back(
            {static_cast<int>(i), WaitFor(static_cast<int>(i), c)});
      Remember(static_cast<int>(i));
    }
  }

 private:
  struct Slot {
    int writer = -1;
    std::vector<int> readers;  // since it was written
  };

  bool IsTiled(const RowTask& task) const {
    return task.kind == TaskKind::kConv || task.kind == TaskKind::kUpConv ||
           task.kind == TaskKind::kRgb;
  }

  int ChunksOf(const RowTask& task) const {
    if (!IsTiled(task)) return 1;
    return CeilDiv(tiles_.Columns(task.step), schedule_.chunk_tiles[task.step]);
  }

  // The chunk of a task that has tile x, clamped to its last.
  int ChunkAt(int index, int tile) const {
    const RowTask& task = schedule_.tasks[index];
    const int chunk =
        IsTiled(task) ? tile / schedule_.chunk_tiles[task.step] : 0;
    return task.first_chunk + std::clamp(chunk, 0, task.chunk_count - 1);
  }

  // Columns [.., end) of its output that a chunk writes at most.
  int WrittenEnd(const RowTask& task, int chunk) const {
    if (!IsTiled(task)) return INT32_MAX / 8;
    return (chunk + 1) * schedule_.chunk_tiles[task.step] * kTile;
  }

  // Columns [.., end) of an input that a chunk reads at most.
  int ReadEnd(const RowTask& task, int chunk) const {
    if (!IsTiled(task)) return INT32_MAX / 8;
    const int tiles = (chunk + 1) * schedule_.chunk_tiles[task.step];
    return task.kind == TaskKind::kUpConv ? 2 * tiles : kTile * tiles + 1;
  }

  // The chunk of a writer that made column end - 1.
  int ChunkThatWrote(int writer, int end) const {
    const bool up = schedule_.tasks[writer].kind == TaskKind::kUpConv;
    return ChunkAt(writer, (end - 1 + up) / kTile);
  }

  // The last chunk of a reader that looks at columns before `end`.
  int ChunkThatRead(int reader, int end) const {
    const TaskKind kind = schedule_.tasks[reader].kind;
    if (kind == TaskKind::kUpConv) return ChunkAt(reader, end / 2);
    // Pictures with shared chroma look further to the left.
    const int more = kind == TaskKind::kRgb ? tile_grid_ : 0;
    return ChunkAt(reader, end / kTile + more);
  }

  template <typename Visit>
  void ForRows(int tensor, RowRange rows, Visit&& visit) {
    auto& slots = slots_[schedule_.ring_of_tensor[tensor]];
    for (int y = rows.begin; y < rows.end; ++y) visit(slots[y % slots.size()]);
  }

  int HeightOf(int tensor) const { return plan_.tensors[tensor].extent.height; }

  // Every row that a task reads.
  template <typename Visit>
  void ForReads(const RowTask& task, Visit&& visit) {
    const Step& step = plan_.steps[task.step];
    if (task.kind == TaskKind::kPoolFold) return;
    for (int tensor : {step.input, step.epilogue.skip}) {
      if (tensor == kNoTensor) continue;
      RowRange rows = tiles_.Read(task.step, tensor, task.row);
      if (task.kind == TaskKind::kPoolStats) {
        const int count = StatsRows(HeightOf(tensor));
        rows = {task.row * count,
                std::min((task.row + 1) * count, HeightOf(tensor))};
      }
      ForRows(tensor, rows, visit);
    }
  }

  template <typename Visit>
  void ForWrites(const RowTask& task, Visit&& visit) {
    const Step& step = plan_.steps[task.step];
    if (task.kind == TaskKind::kPoolFold || task.kind == TaskKind::kPoolStats ||
        step.output == kNoTensor)
      return;
    ForRows(step.output, tiles_.Written(task.step, task.row), visit);
  }

  int WaitFor(int index, int chunk) {
    const RowTask& task = schedule_.tasks[index];
    // The fold and what follows it have the whole plane before them.
    if (task.kind == TaskKind::kPoolFold) return task.first_chunk - 1;
    int last = task.kind == TaskKind::kPool ? fold_chunk_ : -1;
    ForReads(task, [&](const Slot& slot) {
      if (slot.writer >= 0)
        last =
            std::max(last, ChunkThatWrote(slot.writer, ReadEnd(task, chunk)));
    });
    ForWrites(task, [&](const Slot& slot) {
      const int end = WrittenEnd(task, chunk);
      if (slot.writer >= 0)
        last = std::max(last, ChunkThatWrote(slot.writer, end));
      for (int reader : slot.readers)
        last = std::max(last, ChunkThatRead(reader, end));
    });
    return last;
  }

  void Remember(int index) {
    const RowTask& task = schedule_.tasks[index];
    if (task.kind == TaskKind::kPoolFold) fold_chunk_ = task.first_chunk;
    ForReads(task, [&](Slot& slot) { slot.readers.push_back(index); });
    ForWrites(task, [&](Slot& slot) {
      slot.writer = index;
      slot.readers.clear();
    });
  }

  const Plan& plan_;
  const TileRows tiles_;
  const int tile_grid_;
  Schedule& schedule_;
  std::vector<std::vector<Slot>> slots_;  // of each ring
  int fold_chunk_ = -1;
};

// First and last task that touches each tensor.
std::vector<RowRange> LifetimesOf(const Plan& plan,
                                  const std::vector<RowTask>& tasks) {
  std::vector<RowRange> lives(plan.tensors.size(), {INT32_MAX, 0});
  for (size_t i = 0; i < tasks.size(); ++i) {
    const Step& step = plan.steps[tasks[i].step];
    for (int tensor : {step.input, step.output, step.epilogue.skip}) {
      if (tensor == kNoTensor) continue;
      lives[tensor].begin = std::min(lives[tensor].begin, int(i));
      lives[tensor].end = int(i);
    }
  }
  return lives;
}

// A tensor that died gives its memory to a later one of the same shape: their
// zero pixels lie in the same places.
void AssignRings(const Plan& plan, const std::vector<int>& heights, bool share,
                 Schedule* schedule) {
  const std::vector<RowRange> lives = LifetimesOf(plan, schedule->tasks);
  std::vector<int> busy_until;  // of each ring: the last task that touches it
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const int width = plan.tensors[i].extent.width;
    size_t ring = share ? 0 : schedule->rings.size();
    while (ring < schedule->rings.size() &&
           !(schedule->rings[ring].rows == heights[i] &&
             schedule->rings[ring].width == width &&
             busy_until[ring] < lives[i].begin))
      ++ring;
    if (ring == schedule->rings.size()) {
      schedule->rings.push_back({heights[i], width});
      busy_until.push_back(0);
    }
    busy_until[ring] = lives[i].end;
    schedule->ring_of_tensor.push_back(static_cast<int>(ring));
  }
}

// As few chunks as tiles_per_task allows, all about as long.
int ChunkTiles(int tiles, const ScheduleOptions& options) {
  const int chunks = CeilDiv(tiles, options.tiles_per_task);
  const int grid = std::max(options.tile_grid, 4);
  return std::min(CeilDiv(CeilDiv(tiles, chunks), grid) * grid,
                  options.tiles_per_task);
}

}  // namespace

int StatsRows(int height) {
  return std::max(1, CeilDiv(CeilDiv(height, kMaxStatsGroups), kTile)) * kTile;
}

Schedule MakeSchedule(const Plan& plan, const ScheduleOptions& options) {
  Schedule schedule;
  OrderBuilder order(plan, options);
  order.Run();
  schedule.tasks = std::move(order.tasks);
  std::vector<int> heights = order.heights();
  if (options.whole_planes)
    for (size_t i = 0; i < heights.size(); ++i)
      heights[i] = plan.tensors[i].extent.height;
  AssignRings(plan, heights, !options.whole_planes, &schedule);
  const TileRows tiles(plan);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    schedule.chunk_tiles.push_back(
        ChunkTiles(tiles.Columns(static_cast<int>(i)), options));
    if (step.kind == StepKind::kPool) {
      const int height = plan.tensors[step.output].extent.height;
      schedule.stats_groups =
          std::max(schedule.stats_groups, CeilDiv(height, StatsRows(height)));
    }
  }
  ChunkBuilder(plan, options.tile_grid, &schedule).Run();
  if (options.whole_planes) {
    schedule.end_of_step.assign(plan.steps.size(), 0);
    for (const RowTask& task : schedule.tasks)
      schedule.end_of_step[task.step] = task.first_chunk + task.chunk_count;
  }
  return schedule;
}

}  // namespace tae
