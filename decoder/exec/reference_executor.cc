// Planes of doubles, direct loops, one step after the other. Slow, and the
// definition of right for everything else.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "base/aligned_buffer.h"
#include "exec/executor.h"
#include "exec/latent_rows.h"
#include "exec/run_parallel.h"
#include "kernels/reference/store.h"
#include "kernels/reference/unpack.h"
#include "plan/arena.h"

namespace tae {
namespace {

// [height][width][channels], no border.
struct Plane {
  double* values = nullptr;
  Extent extent;
  int channels = 0;

  double* Pixel(int y, int x) const {
    return values + (static_cast<int64_t>(y) * extent.width + x) * channels;
  }
  bool Contains(int y, int x) const {
    return y >= 0 && y < extent.height && x >= 0 && x < extent.width;
  }
};

// Weights as [tap][in][out], so that the innermost loop runs over outputs.
struct TapWeights {
  std::vector<double> weight;
  std::vector<double> bias;
  int in = 0;
  int out = 0;

  explicit TapWeights(const ConvWeights& conv)
      : weight(conv.weight.size()),
        bias(conv.out_channels, 0.0),
        in(conv.in_channels),
        out(conv.out_channels) {
    for (int o = 0; o < out; ++o)
      for (int i = 0; i < in; ++i)
        for (int tap = 0; tap < conv.taps; ++tap)
          weight[(static_cast<size_t>(tap) * in + i) * out + o] =
              conv.weight[(static_cast<size_t>(o) * in + i) * conv.taps + tap];
    std::copy(conv.bias.begin(), conv.bias.end(), bias.begin());
  }

  // sum[o] += weight[tap] * pixel
  void Add(int tap, const double* pixel, double* sum) const {
    const double* row = weight.data() + static_cast<size_t>(tap) * in * out;
    for (int i = 0; i < in; ++i, row += out)
      for (int o = 0; o < out; ++o) sum[o] += row[o] * pixel[i];
  }
};

constexpr int kMaxWidth = kPoolWidth;  // channels of any tensor

struct StepWeights {
  std::vector<TapWeights> taps;  // conv: one; pool: expand, contract
};

class ReferenceExecutor final : public Executor {
 public:
  explicit ReferenceExecutor(const ExecutorOptions& options)
      : model_(options.model),
        plan_(options.plan),
        parallel_(options.parallel),
        cancel_(options.cancel),
        latent_rows_(options.model->info().variant) {}

  Status Prepare() {
    std::vector<ArenaRequest> requests;
    for (const Tensor& tensor : plan_->tensors)
      requests.push_back(
          {BytesOf(tensor), tensor.first_step, tensor.last_step});
    const int last = static_cast<int>(plan_->steps.size());
    const size_t row_floats = size_t(WorkersOf(parallel_.get())) * RowFloats();
    requests.push_back({row_floats * sizeof(float), 0, last});
    const ArenaLayout layout = LayOutArena(requests);
    if (!layout.overflow) arena_ = AlignedBuffer(layout.bytes);
    if (layout.overflow || !arena_.ok())
      return OutOfMemory("the reference executor needs " +
                         std::to_string(layout.bytes) +
                         " bytes for its planes; decode a smaller latent");
    for (size_t i = 0; i < plan_->tensors.size(); ++i)
      planes_.push_back(
          {reinterpret_cast<double*>(arena_.data() + layout.offsets[i]),
           plan_->tensors[i].extent, plan_->tensors[i].channels});
    rows_ = reinterpret_cast<float*>(arena_.data() + layout.offsets.back());
    for (const Step& step : plan_->steps) weights_.push_back(Weights(step));
    return {};
  }

  void Run(const LatentView& latent, const FrameView& frame,
           DecodeReport* report) noexcept override {
    for (size_t i = 0; i < plan_->steps.size(); ++i) {
      if (IsCancelled(cancel_)) {
        if (report != nullptr) report->interrupted = true;
        return;
      }
      RunStep(static_cast<int>(i), latent, frame, report);
      if (observer_) Show(static_cast<int>(i));
    }
  }

  StepNote Note(int step) const override {
    const int output = plan_->steps[step].output;
    return {std::string(ToString(plan_->steps[step].kind)) + "_f64__reference",
            output == kNoTensor ? 0 : BytesOf(plan_->tensors[output])};
  }

  size_t arena_bytes() const override { return arena_.size(); }

  bool Observe(StepObserver observer) override {
    observer_ = std::move(observer);
    return true;
  }

 private:
  static size_t BytesOf(const Tensor& tensor) {
    return size_t(tensor.extent.height) * tensor.extent.width *
           tensor.channels * sizeof(double);
  }

  // A latent row or four rows of RGB, whichever is longer.
  size_t RowFloats() const {
    return std::max(size_t(plan_->key.latent.width) * plan_->latent_channels,
                    size_t(plan_->frame.width) * 3 * kTile);
  }

  StepWeights Weights(const Step& step) const {
    const LayerWeights& layer = model_->layers()[step.layer];
    switch (step.kind) {
      case StepKind::kConv:
      case StepKind::kUpConv:
      case StepKind::kStoreRgb:
        return {{TapWeights(layer.convs[step.conv])}};
      case StepKind::kPool:
        return {{TapWeights(layer.pool[0].expand),
                 TapWeights(layer.pool[0].contract)}};
      case StepKind::kLoad:
      case StepKind::kShuffle:
      case StepKind::kLinearRgb:
        return {};
    }
    return {};
  }

  void RunStep(int index, const LatentView& latent, const FrameView& frame,
               DecodeReport* report) {
    switch (plan_->steps[index].kind) {
      case StepKind::kLoad:
        return Load(index, latent, report);
      case StepKind::kConv:
      case StepKind::kUpConv:
        return Convolve(index);
      case StepKind::kPool:
        return Pool(index);
      case StepKind::kStoreRgb:
        return StoreRgb(index, frame);
      case StepKind::kShuffle:
        return Shuffle(index, frame);
      case StepKind::kLinearRgb:
        return;
    }
  }

  void Load(int index, const LatentView& latent, DecodeReport* report) {
    const Plane& out = planes_[plan_->steps[index].output];
    std::atomic<int64_t> nonfinite{0};
    ForEach(parallel_.get(), out.extent.height, [&](int y, int worker) {
      float* z = rows_ + worker * RowFloats();
      nonfinite += reference::Unpack(latent_rows_.Row(latent, y, z));
      for (int x = 0; x < out.extent.width; ++x)
        for (int c = 0; c < out.channels; ++c)
          out.Pixel(y, x)[c] = SoftClamp(z[c * out.extent.width + x]);
    });
    if (report != nullptr) report->nonfinite = nonfinite;
  }

  // The 3x3 sum at output pixel (y, x); scale 2 reads the input as if every
  // pixel of it were 2x2.
  static void SumAt(const TapWeights& weights, const Plane& in, int scale,
                    int y, int x, double* sum) {
    std::copy(weights.bias.begin(), weights.bias.end(), sum);
    for (int tap = 0; tap < 9; ++tap) {
      const int from_y = y + tap / 3 - 1;
      const int from_x = x + tap % 3 - 1;
      if (from_y < 0 || from_x < 0 ||
          !in.Contains(from_y / scale, from_x / scale))
        continue;
      weights.Add(tap, in.Pixel(from_y / scale, from_x / scale), sum);
    }
  }

  void Convolve(int index) {
    const Step& step = plan_->steps[index];
    const Plane& in = planes_[step.input];
    const Plane& out = planes_[step.output];
    const TapWeights& weights = weights_[index].taps[0];
    const int scale = step.kind == StepKind::kUpConv ? 2 : 1;
    ForEach(parallel_.get(), out.extent.height, [&](int y, int) {
      for (int x = 0; x < out.extent.width; ++x) {
        double* sum = out.Pixel(y, x);
        SumAt(weights, in, scale, y, x, sum);
        if (step.epilogue.skip != kNoTensor) {
          const double* skip = planes_[step.epilogue.skip].Pixel(y, x);
          for (int o = 0; o < weights.out; ++o) sum[o] += skip[o];
        }
        if (step.epilogue.relu)
          for (int o = 0; o < weights.out; ++o) sum[o] = std::max(sum[o], 0.0);
      }
    });
  }

  // x += contract(relu(group_norm(expand(x)))), statistics over the plane.
  void Pool(int index) {
    const Step& step = plan_->steps[index];
    const Plane& plane = planes_[step.output];
    const PoolWeights& norm = model_->layers()[step.layer].pool[0];
    double mean[kPoolGroups], inverse[kPoolGroups];
    Statistics(plane, weights_[index].taps[0], mean, inverse);
    ForEach(parallel_.get(), plane.extent.height, [&](int y, int) {
      for (int x = 0; x < plane.extent.width; ++x) {
        double wide[kMaxWidth] = {};
        weights_[index].taps[0].Add(0, plane.Pixel(y, x), wide);
        for (int k = 0; k < kPoolWidth; ++k) {
          const int group = k / (kPoolWidth / kPoolGroups);
          const double unit = (wide[k] - mean[group]) * inverse[group];
          wide[k] = std::max(unit * norm.gamma[k] + norm.beta[k], 0.0);
        }
        weights_[index].taps[1].Add(0, wide, plane.Pixel(y, x));
      }
    });
  }

  static void Statistics(const Plane& plane, const TapWeights& expand,
                         double* mean, double* inverse) {
    constexpr int kGroup = kPoolWidth / kPoolGroups;
    double sum[kPoolGroups] = {}, squares[kPoolGroups] = {};
    for (int y = 0; y < plane.extent.height; ++y)
      for (int x = 0; x < plane.extent.width; ++x) {
        double wide[kMaxWidth] = {};
        expand.Add(0, plane.Pixel(y, x), wide);
        for (int k = 0; k < kPoolWidth; ++k) {
          sum[k / kGroup] += wide[k];
          squares[k / kGroup] += wide[k] * wide[k];
        }
      }
    const double count =
        double(kGroup) * plane.extent.height * plane.extent.width;
    for (int g = 0; g < kPoolGroups; ++g) {
      mean[g] = sum[g] / count;
      const double variance = squares[g] / count - mean[g] * mean[g];
      inverse[g] = 1 / std::sqrt(std::max(variance, 0.0) + kPoolEpsilon);
    }
  }

  void StoreRgb(int index, const FrameView& frame) {
    const Plane& in = planes_[plan_->steps[index].input];
    const TapWeights& weights = weights_[index].taps[0];
    const int width = in.extent.width;
    const int groups = (in.extent.height + kTile - 1) / kTile;
    ForEach(parallel_.get(), groups, [&](int group, int worker) {
      float* rows = rows_ + worker * RowFloats();
      StoreTask task{
          .rgb = {},
          .y = group * kTile,
          .row_count = std::min(kTile, in.extent.height - group * kTile),
          .begin = 0,
          .end = width,
          .frame = &frame};
      for (int r = 0; r < task.row_count; ++r)
        for (int x = 0; x < width; ++x) {
          double sum[3];
          SumAt(weights, in, 1, task.y + r, x, sum);
          for (int c = 0; c < 3; ++c) {
            float* row = rows + (c * kTile + r) * static_cast<int64_t>(width);
            task.rgb[c][r] = row;
            row[x] = static_cast<float>(sum[c]);
          }
        }
      reference::Store(task);
    });
  }

  void Shuffle(int index, const FrameView& frame) {
    const Plane& in = planes_[plan_->steps[index].input];
    const int scale = frame.width / in.extent.width;
    ForEach(parallel_.get(), in.extent.height, [&](int y, int worker) {
      float* rows = rows_ + worker * RowFloats();
      StoreTask task{.rgb = {},
                     .y = y * scale,
                     .row_count = scale,
                     .begin = 0,
                     .end = frame.width,
                     .frame = &frame};
      for (int k = 0; k < 3 * scale; ++k) {
        float* row = rows + k * int64_t{frame.width};
        task.rgb[k / scale][k % scale] = row;
        for (int x = 0; x < frame.width; ++x)
          row[x] =
              static_cast<float>(in.Pixel(y, x / scale)[k * scale + x % scale]);
      }
      reference::Store(task);
    });
  }

  void Show(int index) {
    const int output = plan_->steps[index].output;
    if (output == kNoTensor) return;
    const Plane& plane = planes_[output];
    const size_t count = BytesOf(plan_->tensors[output]) / sizeof(double);
    const std::vector<float> values(plane.values, plane.values + count);
    observer_(index, plane.extent, plane.channels, values.data());
  }

  const std::shared_ptr<const Model> model_;
  const std::shared_ptr<const Plan> plan_;
  const std::shared_ptr<ParallelFor> parallel_;
  const CancelFlag cancel_;
  const LatentRows latent_rows_;
  AlignedBuffer arena_;
  std::vector<Plane> planes_;
  float* rows_ = nullptr;  // RowFloats() a worker
  std::vector<StepWeights> weights_;
  StepObserver observer_;
};

}  // namespace

ExecutorOr MakeReferenceExecutor(const ExecutorOptions& options) {
  auto executor = std::make_unique<ReferenceExecutor>(options);
  TAE_RETURN_IF_ERROR(executor->Prepare());
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace tae
