#include "exec/band_executor.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/half.h"
#include "base/pixel_format.h"
#include "exec/chunk_queue.h"
#include "exec/latent_rows.h"
#include "exec/row_ring.h"
#include "exec/row_selection.h"
#include "exec/run_parallel.h"
#include "exec/schedule.h"
#include "exec/tile_rows.h"
#include "kernels/packed_weights.h"
#include "plan/arena.h"

namespace tae {
namespace {

// Memory that belongs to one worker.
struct WorkerMemory {
  void* scratch = nullptr;
  float* rows = nullptr;  // of the latent, or four of each colour
};

class BandExecutor final : public Executor {
 public:
  BandExecutor(const ExecutorOptions& options, const KernelTable& table)
      : model_(options.model),
        plan_(options.plan),
        parallel_(options.parallel),
        cancel_(options.cancel),
        table_(table),
        latent_rows_(options.model->info().variant),
        tiles_(*options.plan) {
    if (!plan_->has_barrier()) selection_.emplace(*plan_, tiles_);
  }

  Status Prepare(bool whole_planes) {
    TAE_RETURN_IF_ERROR(CheckChannels());
    TAE_RETURN_IF_ERROR(PackWeights());
    schedule_ = MakeSchedule(*plan_, {.tiles_per_task = table_.tiles_per_task,
                                      .tile_grid = table_.tile_grid,
                                      .workers = WorkersOf(parallel_.get()),
                                      .whole_planes = whole_planes});
    queue_ =
        std::make_unique<ChunkQueue>(static_cast<int>(schedule_.chunks.size()));
    return Allocate();
  }

  void Run(const LatentView& latent, const FrameView& frame,
           DecodeReport* report) noexcept override {
    selecting_ = false;
    RunSelected(latent, frame, report);
  }

  bool leaves_out_rows() const override { return selection_.has_value(); }

  void RunChanged(const LatentView& latent, std::span<const uint8_t> changed,
                  const FrameView& frame,
                  DecodeReport* report) noexcept override {
    selecting_ = selection_.has_value() && !observer_;
    const int left_out = selecting_ ? selection_->Select(changed) : 0;
    RunSelected(latent, frame, report);
    if (report != nullptr) report->rows_left_out = left_out;
  }

  StepNote Note(int step) const override {
    const int output = plan_->steps[step].output;
    const size_t bytes = output == kNoTensor ? 0
                                             : rings_[output].row_bytes *
                                                   size_t(rings_[output].rows);
    return {table_.name, bytes};
  }

  size_t arena_bytes() const override {
    return arena_.size() +
           schedule_.chunks.size() * (sizeof(Chunk) + sizeof(uint8_t)) +
           schedule_.tasks.size() * sizeof(RowTask);
  }

  bool Observe(StepObserver observer) override {
    observer_ = std::move(observer);
    const bool whole_planes = observer_ != nullptr;
    return Prepare(whole_planes).ok();
  }

 private:
  Status CheckChannels() const {
    for (const Tensor& tensor : plan_->tensors)
      if (tensor.channels > kChannels)
        return Unsupported(
            "our kernels take up to " + std::to_string(kChannels) +
            " channels, this network has " + std::to_string(tensor.channels));
    return {};
  }

  Status PackWeights() {
    packed_.clear();
    for (const Step& step : plan_->steps) {
      PackAs as = PackAs::kConv;
      if (step.kind == StepKind::kUpConv) as = PackAs::kUpconv;
      if (step.kind == StepKind::kStoreRgb) as = PackAs::kRgb;
      if (step.kind == StepKind::kPool) as = PackAs::kPool;
      const PackedLayer* packed = nullptr;
      if (step.kind != StepKind::kLoad && step.kind != StepKind::kShuffle) {
        packed = PackedWeights(*model_, table_, as, step.layer, step.conv);
        if (packed == nullptr) return OutOfMemory("no memory for the weights");
      }
      packed_.push_back(packed);
    }
    return {};
  }

  // Rings, statistics of the pool, a row of zeros, each worker's scratch.
  Status Allocate() {
    std::vector<ArenaRequest> requests;
    const auto add = [&](size_t bytes) { requests.push_back({bytes, 0, 0}); };
    size_t widest = 0;
    for (const Ring& ring : schedule_.rings) {
      const size_t row = RowBytes(ring.width, table_.bytes_per_channel);
      widest = std::max(widest, row);
      add(row * ring.rows);
    }
    const size_t rings = schedule_.rings.size();
    add(widest);
    add(schedule_.stats_groups * table_.pool_stats_floats * sizeof(float));
    add(table_.pool_stats_floats * sizeof(double));
    add(table_.pool_folded_bytes);
    const int workers = WorkersOf(parallel_.get());
    for (int i = 0; i < workers; ++i) {
      add(table_.scratch_bytes);
      add(WorkerFloats() * sizeof(float));
    }
    const ArenaLayout layout = LayOutArena(requests);
    arena_ = AlignedBuffer();  // before the new one: a second would be waste
    if (!layout.overflow) arena_ = AlignedBuffer(layout.bytes);
    if (layout.overflow || !arena_.ok())
      return OutOfMemory("a plan of this size needs " +
                         std::to_string(layout.bytes) +
                         " bytes; decode a smaller latent");
    std::memset(arena_.data(), 0, arena_.size());
    PlaceRings(layout);
    const auto at = [&](size_t i) { return arena_.data() + layout.offsets[i]; };
    stats_ = reinterpret_cast<float*>(at(rings + 1));
    stats_sum_ = reinterpret_cast<double*>(at(rings + 2));
    folded_ = at(rings + 3);
    workers_.clear();
    for (int i = 0; i < workers; ++i)
      workers_.push_back({at(rings + 4 + 2 * i),
                          reinterpret_cast<float*>(at(rings + 5 + 2 * i))});
    return {};
  }

  void PlaceRings(const ArenaLayout& layout) {
    rings_.clear();
    for (size_t i = 0; i < plan_->tensors.size(); ++i) {
      const int ring = schedule_.ring_of_tensor[i];
      rings_.push_back(
          {.data = arena_.data() + layout.offsets[ring],
           .row_bytes =
               RowBytes(schedule_.rings[ring].width, table_.bytes_per_channel),
           .rows = schedule_.rings[ring].rows,
           .height = plan_->tensors[i].extent.height,
           .zero = arena_.data() + layout.offsets[schedule_.rings.size()]});
    }
  }

  size_t WorkerFloats() const {
    return std::max(size_t(plan_->key.latent.width) * plan_->latent_channels,
                    RgbStride() * 3 * kTile);
  }
  // A cache line more than a row: twelve rows that begin at the same place of
  // a page would push one another out of the first cache.
  size_t RgbStride() const {
    return (size_t(plan_->frame.width) + 15) / 16 * 16 + 16;
  }

  void RunSelected(const LatentView& latent, const FrameView& frame,
                   DecodeReport* report) {
    latent_ = &latent;
    frame_ = &frame;
    nonfinite_.store(0, std::memory_order_relaxed);
    interrupted_.store(false, std::memory_order_relaxed);
    if (observer_) {
      RunObserved();
    } else {
      RunChunks(0, -1);
    }
    if (report != nullptr) {
      report->nonfinite = nonfinite_;
      report->interrupted = interrupted_;
    }
  }

  void RunChunks(int begin, int end) {
    queue_->Restart(begin, end);
    ForEach(
        parallel_.get(), WorkersOf(parallel_.get()), [this](int, int worker) {
          FlushDenormals flush;
          int cursor = 0;
          const auto wait_for = [this](int chunk) {
            // Nobody waits for what is left out, nor it for anybody.
            return IsSelected(chunk) ? schedule_.chunks[chunk].wait_for : -1;
          };
          for (int chunk; (chunk = queue_->Claim(&cursor, wait_for)) >= 0;) {
            if (IsSelected(chunk)) {
              if (IsCancelled(cancel_))
                interrupted_.store(true, std::memory_order_relaxed);
              else
                RunChunk(chunk, worker);
            }
            queue_->Done(chunk);
          }
        });
  }

  bool IsSelected(int chunk) const {
    const RowTask& task = schedule_.tasks[schedule_.chunks[chunk].task];
    return !selecting_ || selection_->Has(task.step, task.row);
  }

  void RunChunk(int chunk, int worker) {
    const RowTask& task = schedule_.tasks[schedule_.chunks[chunk].task];
    const Step& step = plan_->steps[task.step];
    const int tiles = schedule_.chunk_tiles[task.step];
    const int begin = (chunk - task.first_chunk) * tiles;
    const int end = std::min(begin + tiles, tiles_.Columns(task.step));
    switch (task.kind) {
      case TaskKind::kLoad:
        return Load(step, task.row, worker);
      case TaskKind::kConv:
        return Conv(task, begin, end, worker);
      case TaskKind::kUpConv:
        return UpConv(task, begin, end, worker);
      case TaskKind::kPoolStats:
        return PoolStats(step, task.row, worker);
      case TaskKind::kPoolFold:
        return PoolFold(task.step);
      case TaskKind::kPool:
        return Pool(step, task.row, worker);
      case TaskKind::kRgb:
        return Rgb(task, begin, end, worker);
      case TaskKind::kShuffle:
        return Shuffle(step, task.row, worker);
    }
  }

  void Load(const Step& step, int row, int worker) {
    const RowRing& out = rings_[step.output];
    const int end = std::min(row * kTile + kTile, out.height);
    for (int y = row * kTile; y < end; ++y) {
      float* z = workers_[worker].rows;
      const int64_t bad = table_.unpack(latent_rows_.Row(*latent_, y, z));
      if (bad != 0) nonfinite_.fetch_add(bad, std::memory_order_relaxed);
      table_.load({.z = z,
                   .channels = latent_->channels,
                   .width = latent_->extent.width,
                   .out = out.Out(y)});
    }
  }

  void Conv(const RowTask& task, int begin, int end, int worker) {
    const Step& step = plan_->steps[task.step];
    const RowRing& in = rings_[step.input];
    const RowRing& out = rings_[step.output];
    ConvTask conv{.in = {},
                  .out = {},
                  .skip = {},
                  .tile_begin = begin,
                  .tile_end = end,
                  .width = plan_->tensors[step.output].extent.width,
                  .relu = step.epilogue.relu};
    const int y = task.row * kTile - tiles_.Shift(task.step);
    for (int i = 0; i < kTile + 2; ++i) conv.in[i] = in.In(y - 1 + i);
    for (int i = 0; i < kTile; ++i) conv.out[i] = out.Out(y + i);
    if (step.epilogue.skip != kNoTensor)
      for (int i = 0; i < kTile; ++i)
        conv.skip[i] = rings_[step.epilogue.skip].In(y + i);
    table_.conv(packed_[task.step], conv, workers_[worker].scratch);
  }

  void UpConv(const RowTask& task, int begin, int end, int worker) {
    const Step& step = plan_->steps[task.step];
    const RowRing& in = rings_[step.input];
    const RowRing& out = rings_[step.output];
    UpConvTask conv{.in = {},
                    .out = {},
                    .tile_begin = begin,
                    .tile_end = end,
                    .in_width = plan_->tensors[step.input].extent.width,
                    .relu = step.epilogue.relu};
    for (int i = 0; i < 3; ++i) conv.in[i] = in.In(2 * task.row - 1 + i);
    for (int i = 0; i < kTile; ++i)
      conv.out[i] = out.Out(kTile * task.row - 1 + i);
    table_.upconv(packed_[task.step], conv, workers_[worker].scratch);
  }

  void PoolStats(const Step& step, int group, int worker) {
    const RowRing& plane = rings_[step.output];
    const int rows = StatsRows(plane.height);
    float* stats = stats_ + group * table_.pool_stats_floats;
    std::fill_n(stats, table_.pool_stats_floats, 0.0f);
    const int end = std::min((group + 1) * rows, plane.height);
    for (int y = group * rows; y < end; ++y) {
      const void* row = plane.In(y);
      table_.pool_stats(&row, 1, plan_->tensors[step.output].extent.width,
                        stats, workers_[worker].scratch);
    }
  }

  // Partial sums are added in the order of the rows.
  void PoolFold(int step) {
    const Extent extent = plan_->tensors[plan_->steps[step].output].extent;
    std::fill_n(stats_sum_, table_.pool_stats_floats, 0.0);
    const int rows = StatsRows(extent.height);
    for (int group = 0; group * rows < extent.height; ++group) {
      const float* stats = stats_ + group * table_.pool_stats_floats;
      double* const sums = stats_sum_;  // so that the loop needs no members
      for (size_t i = 0, count = table_.pool_stats_floats; i < count; ++i)
        sums[i] += stats[i];
    }
    table_.fold_pool(packed_[step], stats_sum_,
                     double(extent.height) * extent.width, folded_);
  }

  void Pool(const Step& step, int row, int worker) {
    const RowRing& plane = rings_[step.output];
    const int end = std::min((row + 1) * kTile, plane.height);
    for (int y = row * kTile; y < end; ++y)
      table_.pool(folded_,
                  {.row = plane.Out(y),
                   .begin = 0,
                   .end = plan_->tensors[step.output].extent.width},
                  workers_[worker].scratch);
  }

  void Rgb(const RowTask& task, int begin, int end, int worker) {
    const RowRing& in = rings_[plan_->steps[task.step].input];
    // Shared chroma looks one pixel to the left of what is stored; a row is cut
    // at the table's grid only.
    const bool more = InfoOf(frame_->format).subsampled && begin > 0;
    RgbTask rgb{.in = {},
                .rgb = {},
                .tile_begin = more ? begin - table_.tile_grid : begin,
                .tile_end = end,
                .width = frame_->width};
    StoreTask store{.rgb = {},
                    .y = task.row * kTile,
                    .row_count = 0,
                    .begin = begin * kTile,
                    .end = std::min(end * kTile, frame_->width),
                    .frame = frame_};
    store.row_count = std::min(kTile, frame_->height - store.y);
    for (int i = 0; i < kTile + 2; ++i) rgb.in[i] = in.In(store.y - 1 + i);
    for (int c = 0; c < 3; ++c)
      for (int r = 0; r < store.row_count; ++r)
        store.rgb[c][r] = rgb.rgb[c][r] =
            workers_[worker].rows + (c * kTile + r) * RgbStride();
    table_.rgb(packed_[task.step], rgb, workers_[worker].scratch);
    table_.store(store);
  }

  void Shuffle(const Step& step, int row, int worker) {
    const RowRing& in = rings_[step.input];
    const Extent extent = plan_->tensors[step.input].extent;
    const int scale = plan_->frame.width / extent.width;
    const int end = std::min((row + 1) * kTile, extent.height);
    for (int y = row * kTile; y < end; ++y) {
      ShuffleTask shuffle{
          .row = in.In(y), .width = extent.width, .scale = scale, .rgb = {}};
      StoreTask store{.rgb = {},
                      .y = y * scale,
                      .row_count = scale,
                      .begin = 0,
                      .end = frame_->width,
                      .frame = frame_};
      for (int c = 0; c < 3; ++c)
        for (int r = 0; r < scale; ++r)
          store.rgb[c][r] = shuffle.rgb[c][r] =
              workers_[worker].rows + (c * kTile + r) * RgbStride();
      table_.shuffle(shuffle);
      table_.store(store);
    }
  }

  void RunObserved() {
    int begin = 0;
    for (size_t step = 0; step < plan_->steps.size(); ++step) {
      const int end = schedule_.end_of_step[step];
      RunChunks(begin, end);
      begin = end;
      Show(static_cast<int>(step));
    }
  }

  // Two bytes a channel are IEEE halves in every table.
  void Show(int step) {
    const int output = plan_->steps[step].output;
    if (output == kNoTensor) return;
    const Tensor& tensor = plan_->tensors[output];
    const DType dtype =
        table_.bytes_per_channel == 4 ? DType::kF32 : DType::kF16;
    std::vector<float> values;
    float pixel[kChannels];
    for (int y = 0; y < tensor.extent.height; ++y) {
      const auto* row = static_cast<const uint8_t*>(rings_[output].In(y));
      for (int x = 0; x < tensor.extent.width; ++x) {
        row += kChannels * table_.bytes_per_channel;
        LoadFloats(dtype, row, kChannels, pixel);
        values.insert(values.end(), pixel, pixel + tensor.channels);
      }
    }
    observer_(step, tensor.extent, tensor.channels, values.data());
  }

  const std::shared_ptr<const Model> model_;
  const std::shared_ptr<const Plan> plan_;
  const std::shared_ptr<ParallelFor> parallel_;
  const CancelFlag cancel_;
  const KernelTable& table_;
  const LatentRows latent_rows_;
  const TileRows tiles_;
  std::optional<RowSelection> selection_;   // where rows can be left out
  std::vector<const PackedLayer*> packed_;  // of each step
  Schedule schedule_;
  std::unique_ptr<ChunkQueue> queue_;
  AlignedBuffer arena_;
  std::vector<RowRing> rings_;  // of each tensor
  float* stats_ = nullptr;
  double* stats_sum_ = nullptr;
  void* folded_ = nullptr;
  std::vector<WorkerMemory> workers_;
  StepObserver observer_;
  // Of the run in progress:
  bool selecting_ = false;  // only what is in selection_ runs
  const LatentView* latent_ = nullptr;
  const FrameView* frame_ = nullptr;
  std::atomic<int64_t> nonfinite_{0};
  std::atomic<bool> interrupted_{false};
};

}  // namespace

ExecutorOr MakeBandExecutor(const ExecutorOptions& options,
                            const BandOptions& band) {
  auto executor = std::make_unique<BandExecutor>(options, *band.table);
  TAE_RETURN_IF_ERROR(executor->Prepare(band.whole_planes));
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace tae
