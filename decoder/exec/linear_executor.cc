// The cheapest picture: one small matrix a latent pixel, on that pixel or on
// its 3x3 surroundings; each output is a square of image pixels.
#include <algorithm>
#include <atomic>
#include <vector>

#include "base/aligned_buffer.h"
#include "exec/executor.h"
#include "exec/latent_rows.h"
#include "exec/run_parallel.h"
#include "kernels/kernel_table.h"

namespace tae {
namespace {

class LinearExecutor final : public Executor {
 public:
  LinearExecutor(const ExecutorOptions& options, const KernelTable& table)
      : model_(options.model),
        plan_(options.plan),
        parallel_(options.parallel),
        cancel_(options.cancel),
        table_(table),
        latent_rows_(options.model->info().variant),
        conv_(model_->layers()[plan_->steps[0].layer].convs[0]),
        window_(conv_.taps == 9 ? 3 : 1),
        patch_(ShuffleScale(conv_.out_channels)),
        group_(plan_->pixels_per_latent % 2 == 0 ? 1 : kTile) {}

  Status Prepare() {
    const size_t width = plan_->key.latent.width;
    row_floats_ = width * plan_->latent_channels * window_ + width +
                  size_t(plan_->frame.width) * 3 * patch_ * group_;
    rows_ =
        AlignedBuffer(row_floats_ * sizeof(float) * WorkersOf(parallel_.get()));
    if (!rows_.ok()) return OutOfMemory("no memory for rows of the latent");
    return {};
  }

  void Run(const LatentView& latent, const FrameView& frame,
           DecodeReport* report) noexcept override {
    std::atomic<int64_t> nonfinite{0};
    std::atomic<bool> interrupted{false};
    const int groups = (latent.extent.height + group_ - 1) / group_;
    ForEach(parallel_.get(), groups, [&](int group, int worker) {
      if (IsCancelled(cancel_)) {
        interrupted = true;
      } else {
        nonfinite += RunGroup(latent, frame, group * group_, worker);
      }
    });
    if (report != nullptr) {
      report->nonfinite = nonfinite;
      report->interrupted = interrupted;
    }
  }

  StepNote Note(int) const override { return {"linear_rgb_f32", 0}; }
  size_t arena_bytes() const override { return rows_.size(); }

 private:
  // Latent rows from y on become pixels_per_latent rows of the frame each.
  int64_t RunGroup(const LatentView& latent, const FrameView& frame, int y,
                   int worker) {
    const int width = latent.extent.width;
    const int rows = std::min(group_, latent.extent.height - y);
    float* z = reinterpret_cast<float*>(rows_.data()) + row_floats_ * worker;
    float* line = z + int64_t{width} * latent.channels * window_;
    float* rgb = line + width;
    int64_t nonfinite = 0;
    for (int i = 0; i < rows; ++i) {
      nonfinite += UnpackWindow(latent, y + i, z);
      for (int output = 0; output < conv_.out_channels; ++output) {
        Project(z, width, output, line);
        Spread(line, width, output, frame.width,
               rgb + int64_t{i} * 3 * patch_ * frame.width);
      }
    }
    StoreRows(frame, y, rows, rgb);
    return nonfinite;
  }

  // Rows y - reach .. y + reach as [row][channel][x], zeros outside.
  int64_t UnpackWindow(const LatentView& latent, int y, float* z) {
    const size_t row = size_t(latent.extent.width) * latent.channels;
    int64_t nonfinite = 0;
    for (int i = 0; i < window_; ++i, z += row) {
      const int from = y + i - window_ / 2;
      if (from < 0 || from >= latent.extent.height) {
        std::fill_n(z, row, 0.0f);
        continue;
      }
      const int64_t found = table_.unpack(latent_rows_.Row(latent, from, z));
      if (from == y) nonfinite = found;
    }
    return nonfinite;
  }

  // One output of every latent pixel of the row: (z . F + b + 1) / 2.
  void Project(const float* z, int width, int output, float* line) const {
    std::fill_n(line, width, conv_.bias.empty() ? 0 : conv_.bias[output]);
    const float* weight =
        conv_.weight.data() + size_t(output) * conv_.in_channels * conv_.taps;
    for (int k = 0; k < conv_.in_channels; ++k)
      for (int tap = 0; tap < conv_.taps; ++tap) {
        const int shift = tap % window_ - window_ / 2;
        const float* from =
            z + (int64_t{tap / window_} * conv_.in_channels + k) * width;
        const int end = std::min(width, width - shift);
        for (int x = std::max(0, -shift); x < end; ++x)
          line[x] += weight[k * conv_.taps + tap] * from[x + shift];
      }
    for (int x = 0; x < width; ++x) line[x] = (line[x] + 1) / 2;
  }

  // Output (c patch + y) patch + x is a square of equal pixels in row
  // [c][y] of `rgb`.
  void Spread(const float* line, int width, int output, int frame_width,
              float* rgb) const {
    const int side = plan_->pixels_per_latent / patch_;
    float* row = rgb + int64_t{output / patch_} * frame_width;
    for (int x = 0; x < width; ++x)
      std::fill_n(row + (int64_t{x} * patch_ + output % patch_) * side, side,
                  line[x]);
  }

  // kTile rows of the frame at a time: formats with shared chroma want pairs.
  void StoreRows(const FrameView& frame, int y, int rows, float* rgb) const {
    const int scale = plan_->pixels_per_latent;
    StoreTask task{.rgb = {},
                   .y = 0,
                   .row_count = 0,
                   .begin = 0,
                   .end = frame.width,
                   .frame = &frame};
    for (int row = 0; row < rows * scale; row += kTile) {
      task.y = y * scale + row;
      task.row_count = std::min(kTile, rows * scale - row);
      for (int c = 0; c < 3; ++c)
        for (int r = 0; r < task.row_count; ++r) {
          const int latent = (row + r) / scale;
          const int part = (row + r) % scale * patch_ / scale;
          task.rgb[c][r] =
              rgb + ((int64_t{latent} * 3 + c) * patch_ + part) * frame.width;
        }
      table_.store(task);
    }
  }

  const std::shared_ptr<const Model> model_;
  const std::shared_ptr<const Plan> plan_;
  const std::shared_ptr<ParallelFor> parallel_;
  const CancelFlag cancel_;
  const KernelTable& table_;  // reads latents, writes pixels
  const LatentRows latent_rows_;
  const ConvWeights& conv_;
  const int window_;       // latent pixels a side that a pixel is made from
  const int patch_;        // different pixels a side of a latent pixel
  const int group_;        // latent rows of one task: an even number of pixels
  size_t row_floats_ = 0;  // of one worker
  AlignedBuffer rows_;
};

}  // namespace

ExecutorOr MakeLinearExecutor(const ExecutorOptions& options,
                              const KernelTable& table) {
  auto executor = std::make_unique<LinearExecutor>(options, table);
  TAE_RETURN_IF_ERROR(executor->Prepare());
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace tae
