// The cheapest picture: one small matrix a latent pixel, each a square of
// image pixels.
#include <algorithm>
#include <atomic>
#include <vector>

#include "base/aligned_buffer.h"
#include "exec/executor.h"
#include "exec/latent_source.h"
#include "exec/run_parallel.h"
#include "kernels/reference/store.h"
#include "kernels/reference/unpack.h"

namespace tae {
namespace {

class LinearExecutor final : public Executor {
 public:
  explicit LinearExecutor(const ExecutorOptions& options)
      : model_(options.model),
        plan_(options.plan),
        parallel_(options.parallel),
        source_(options.model->info().variant),
        conv_(model_->layers()[plan_->steps[0].layer].convs[0]) {}

  Status Prepare() {
    row_floats_ = size_t(plan_->key.latent.width) * plan_->latent_channels +
                  size_t(plan_->frame.width) * 3;
    rows_ =
        AlignedBuffer(row_floats_ * sizeof(float) * WorkersOf(parallel_.get()));
    if (!rows_.ok()) return OutOfMemory("no memory for rows of the latent");
    return {};
  }

  void Run(const LatentView& latent, const FrameView& frame,
           DecodeReport* report) noexcept override {
    std::atomic<int64_t> nonfinite{0};
    ForEach(parallel_.get(), latent.extent.height, [&](int y, int worker) {
      nonfinite += RunRow(latent, frame, y, worker);
    });
    if (report != nullptr) report->nonfinite = nonfinite;
  }

  StepNote Note(int) const override { return {"linear_rgb_f32__scalar", 0}; }
  size_t arena_bytes() const override { return rows_.size(); }

 private:
  // One latent row: pixels_per_latent equal rows of the frame.
  int64_t RunRow(const LatentView& latent, const FrameView& frame, int y,
                 int worker) {
    const int width = latent.extent.width;
    const int scale = plan_->pixels_per_latent;
    float* z = reinterpret_cast<float*>(rows_.data()) + row_floats_ * worker;
    float* rgb = z + int64_t{width} * latent.channels;
    const int64_t nonfinite = reference::Unpack(source_.Row(latent, y, z));
    for (int c = 0; c < 3; ++c)
      for (int x = 0; x < width; ++x) {
        const float value = Project(z, width, x, c);
        std::fill_n(rgb + (int64_t{c} * width + x) * scale, scale, value);
      }
    StoreTask task{.rgb = {},
                   .y = 0,
                   .row_count = 0,
                   .begin = 0,
                   .end = frame.width,
                   .frame = &frame};
    for (int c = 0; c < 3; ++c)
      std::fill_n(task.rgb[c], kTile, rgb + int64_t{c} * frame.width);
    for (int row = 0; row < scale; row += kTile) {
      task.y = y * scale + row;
      task.row_count = std::min(kTile, scale - row);
      reference::Store(task);
    }
    return nonfinite;
  }

  // Channel c of latent pixel x: (z . F + b + 1) / 2.
  float Project(const float* z, int width, int x, int c) const {
    float sum = conv_.bias.empty() ? 0 : conv_.bias[c];
    for (int k = 0; k < conv_.in_channels; ++k)
      sum += conv_.weight[c * conv_.in_channels + k] * z[k * width + x];
    return (sum + 1) / 2;
  }

  const std::shared_ptr<const Model> model_;
  const std::shared_ptr<const Plan> plan_;
  const std::shared_ptr<ParallelFor> parallel_;
  const LatentSource source_;
  const ConvWeights& conv_;
  size_t row_floats_ = 0;
  AlignedBuffer rows_;
};

}  // namespace

ExecutorOr MakeLinearExecutor(const ExecutorOptions& options) {
  auto executor = std::make_unique<LinearExecutor>(options);
  TAE_RETURN_IF_ERROR(executor->Prepare());
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace tae
