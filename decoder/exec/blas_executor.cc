// Float planes, convolutions as matrix products: blocks of output pixels are
// gathered with their 3x3 surroundings into rows of a matrix, then multiplied
// with [9 * in][out] weights. The fallback where no kernel of ours fits, and a
// second opinion in tests.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "exec/blas_library.h"
#include "exec/executor.h"
#include "exec/latent_rows.h"
#include "exec/run_parallel.h"
#include "kernels/reference/store.h"
#include "kernels/reference/unpack.h"
#include "model/packed_weights.h"
#include "plan/arena.h"

namespace tae {
namespace {

constexpr int kBlock = 128;  // pixels of a matrix product
// Names our packing in the model's cache.
constexpr char kPacker = 0;

// [1 + height + 1][1 + width + 1][channels]; the border is zero.
struct Plane {
  float* values = nullptr;
  Extent extent;
  int channels = 0;

  // y and x from -1.
  float* Pixel(int y, int x) const {
    return values + (int64_t{y + 1} * (extent.width + 2) + x + 1) * channels;
  }
  size_t bytes() const {
    return size_t(extent.height + 2) * (extent.width + 2) * channels *
           sizeof(float);
  }
  void ClearBorder() const {
    const size_t row = size_t(extent.width + 2) * channels;
    std::fill_n(Pixel(-1, -1), row, 0.0f);
    std::fill_n(Pixel(extent.height, -1), row, 0.0f);
    for (int y = 0; y < extent.height; ++y) {
      std::fill_n(Pixel(y, -1), channels, 0.0f);
      std::fill_n(Pixel(y, extent.width), channels, 0.0f);
    }
  }
};

// Columns of the matrix for so many outputs. OpenBLAS allocates memory inside
// a product that has only three.
constexpr int ColumnsOf(int outputs) { return (outputs + 15) / 16 * 16; }

// [taps][in][columns], and the bias (zeros where the network has none).
std::vector<float>* Pack(const ConvWeights& conv) {
  const int columns = ColumnsOf(conv.out_channels);
  const size_t rows = size_t(conv.taps) * conv.in_channels;
  auto* packed = new std::vector<float>((rows + 1) * columns);
  for (int o = 0; o < conv.out_channels; ++o)
    for (int i = 0; i < conv.in_channels; ++i)
      for (int tap = 0; tap < conv.taps; ++tap)
        (*packed)[(size_t(tap) * conv.in_channels + i) * columns + o] =
            conv.weight[(size_t(o) * conv.in_channels + i) * conv.taps + tap];
  std::copy(conv.bias.begin(), conv.bias.end(),
            packed->begin() + rows * columns);
  return packed;
}

struct Matrix {
  const float* weight = nullptr;
  const float* bias = nullptr;
  int in = 0;   // channels
  int out = 0;  // columns
  int taps = 9;
};

class BlasExecutor final : public Executor {
 public:
  BlasExecutor(const ExecutorOptions& options, const BlasLibrary& blas)
      : model_(options.model),
        plan_(options.plan),
        parallel_(options.parallel),
        cancel_(options.cancel),
        blas_(blas),
        latent_rows_(options.model->info().variant) {}

  Status Prepare() {
    for (const Step& step : plan_->steps)
      if (step.kind != StepKind::kLoad && step.output != kNoTensor &&
          plan_->tensors[step.output].channels % 16 != 0)
        return Unsupported(
            "the OpenBLAS executor takes layers of a multiple of 16 channels");
    for (const Step& step : plan_->steps) PackStep(step);
    std::vector<ArenaRequest> requests;
    for (const Tensor& tensor : plan_->tensors) {
      planes_.push_back({nullptr, tensor.extent, tensor.channels});
      requests.push_back(
          {planes_.back().bytes(), tensor.first_step, tensor.last_step});
      max_channels_ = std::max(max_channels_, tensor.channels);
    }
    const int last = static_cast<int>(plan_->steps.size());
    scratch_floats_ = ScratchFloats();
    requests.push_back(
        {scratch_floats_ * sizeof(float) * WorkersOf(parallel_.get()), 0,
         last});
    requests.push_back({plan_->key.latent.height * sizeof(RowSums), 0, last});
    const ArenaLayout layout = LayOutArena(requests);
    if (!layout.overflow) arena_ = AlignedBuffer(layout.bytes);
    if (layout.overflow || !arena_.ok())
      return OutOfMemory("the OpenBLAS executor needs " +
                         std::to_string(layout.bytes) +
                         " bytes for its planes; decode a smaller latent");
    for (size_t i = 0; i < planes_.size(); ++i)
      planes_[i].values =
          reinterpret_cast<float*>(arena_.data() + layout.offsets[i]);
    scratch_ = reinterpret_cast<float*>(arena_.data() +
                                        layout.offsets[planes_.size()]);
    row_sums_ = reinterpret_cast<RowSums*>(arena_.data() +
                                           layout.offsets[planes_.size() + 1]);
    return {};
  }

  void Run(const LatentView& latent, const FrameView& frame,
           DecodeReport* report) noexcept override {
    const BlasSession session(blas_);
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
    return {std::string(ToString(plan_->steps[step].kind)) + "_f32__openblas",
            output == kNoTensor ? 0 : planes_[output].bytes()};
  }

  size_t arena_bytes() const override { return arena_.size(); }

  bool Observe(StepObserver observer) override {
    observer_ = std::move(observer);
    return true;
  }

 private:
  // Sum and sum of squares of a row of the plane, of each group.
  struct RowSums {
    double sum[kPoolGroups];
    double squares[kPoolGroups];
  };

  void PackStep(const Step& step) {
    const LayerWeights& layer = model_->layers()[step.layer];
    std::vector<Matrix> matrices;
    if (step.kind == StepKind::kPool) {
      matrices.push_back(Packed(step, layer.pool[0].expand, 1));
      matrices.push_back(Packed(step, layer.pool[0].contract, 2));
    } else if (step.kind != StepKind::kLoad &&
               step.kind != StepKind::kShuffle) {
      matrices.push_back(Packed(step, layer.convs[step.conv], 0));
    }
    matrices_.push_back(std::move(matrices));
  }

  Matrix Packed(const Step& step, const ConvWeights& conv, int purpose) {
    const PackedKey key{&kPacker, purpose, step.layer, step.conv};
    const void* packed = model_->packed().GetOrPack(key, [&] {
      auto* values = Pack(conv);
      return PackedEntry{values, values->size() * sizeof(float),
                         [](void*, void* data) {
                           delete static_cast<std::vector<float>*>(data);
                         },
                         nullptr};
    });
    const float* weight =
        static_cast<const std::vector<float>*>(packed)->data();
    const int columns = ColumnsOf(conv.out_channels);
    return {weight, weight + size_t(conv.taps) * conv.in_channels * columns,
            conv.in_channels, columns, conv.taps};
  }

  // Of one worker: a gathered block, its product, rows of latent or RGB.
  size_t ScratchFloats() const {
    const size_t gathered = size_t(kBlock) * 9 * max_channels_;
    const size_t product = size_t(kBlock) * kPoolWidth;
    const size_t rows =
        std::max(size_t(plan_->key.latent.width) * plan_->latent_channels,
                 size_t(plan_->frame.width) * 3 * kTile);
    return (gathered + 2 * product + rows + 15) / 16 * 16;
  }
  float* Gathered(int worker) const {
    return scratch_ + scratch_floats_ * worker;
  }
  float* Product(int worker) const {
    return Gathered(worker) + size_t(kBlock) * 9 * max_channels_;
  }
  float* Rows(int worker) const {
    return Product(worker) + 2 * kBlock * kPoolWidth;
  }

  void RunStep(int index, const LatentView& latent, const FrameView& frame,
               DecodeReport* report) {
    const Step& step = plan_->steps[index];
    if (step.output != kNoTensor && step.kind != StepKind::kPool)
      planes_[step.output].ClearBorder();
    switch (step.kind) {
      case StepKind::kLoad:
        return Load(step, latent, report);
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

  void Load(const Step& step, const LatentView& latent, DecodeReport* report) {
    const Plane& out = planes_[step.output];
    std::atomic<int64_t> nonfinite{0};
    ForEach(parallel_.get(), out.extent.height, [&](int y, int worker) {
      float* z = Rows(worker);
      nonfinite += reference::Unpack(latent_rows_.Row(latent, y, z));
      for (int x = 0; x < out.extent.width; ++x)
        for (int c = 0; c < out.channels; ++c)
          out.Pixel(y, x)[c] =
              static_cast<float>(SoftClamp(z[c * out.extent.width + x]));
    });
    if (report != nullptr) report->nonfinite = nonfinite;
  }

  // The 3x3 surroundings of output pixels (y, x .. x + count), a row each.
  static void Gather(const Plane& in, bool upsample, int y, int x, int count,
                     float* rows) {
    const size_t pixel = in.channels * sizeof(float);
    for (int i = 0; i < count; ++i)
      for (int dy = -1; dy <= 1; ++dy) {
        // >> rounds -1 down, to the border.
        const int from_y = upsample ? (y + dy) >> 1 : y + dy;
        if (!upsample) {
          std::memcpy(rows, in.Pixel(from_y, x + i - 1), 3 * pixel);
          rows += 3 * in.channels;
          continue;
        }
        for (int dx = -1; dx <= 1; ++dx, rows += in.channels)
          std::memcpy(rows, in.Pixel(from_y, (x + i + dx) >> 1), pixel);
      }
  }

  void Convolve(int index) {
    const Step& step = plan_->steps[index];
    const Plane& in = planes_[step.input];
    const Plane& out = planes_[step.output];
    ForEach(parallel_.get(), out.extent.height, [&](int y, int worker) {
      for (int x = 0; x < out.extent.width; x += kBlock) {
        const int count = std::min(kBlock, out.extent.width - x);
        float* to = out.Pixel(y, x);
        ConvolveBlock(index, in, step.kind == StepKind::kUpConv, y, x, count,
                      worker, to);
        Finish(step.epilogue, matrices_[index][0], y, x, count, to);
      }
    });
  }

  void ConvolveBlock(int index, const Plane& in, bool upsample, int y, int x,
                     int count, int worker, float* to) {
    const Matrix& matrix = matrices_[index][0];
    float* gathered = Gathered(worker);
    Gather(in, upsample, y, x, count, gathered);
    blas_.Multiply(count, matrix.out, 9 * matrix.in, gathered, 9 * matrix.in,
                   matrix.weight, matrix.out, to, matrix.out);
  }

  void Finish(const Epilogue& epilogue, const Matrix& matrix, int y, int x,
              int count, float* to) const {
    const float* skip = epilogue.skip == kNoTensor
                            ? nullptr
                            : planes_[epilogue.skip].Pixel(y, x);
    for (int i = 0; i < count; ++i, to += matrix.out) {
      for (int o = 0; o < matrix.out; ++o) to[o] += matrix.bias[o];
      if (skip != nullptr)
        for (int o = 0; o < matrix.out; ++o) to[o] += *skip++;
      if (epilogue.relu)
        for (int o = 0; o < matrix.out; ++o) to[o] = std::max(to[o], 0.0f);
    }
  }

  // body(x, count, wide) for every block of row y, wide = expand(x).
  template <typename Body>
  void ForExpandedBlocks(int index, int y, int worker, Body&& body) {
    const Matrix& expand = matrices_[index][0];
    const Plane& plane = planes_[plan_->steps[index].output];
    float* wide = Product(worker);
    for (int x = 0; x < plane.extent.width; x += kBlock) {
      const int count = std::min(kBlock, plane.extent.width - x);
      blas_.Multiply(count, expand.out, expand.in, plane.Pixel(y, x),
                     plane.channels, expand.weight, expand.out, wide,
                     expand.out);
      body(x, count, wide);
    }
  }

  void Pool(int index) {
    const Step& step = plan_->steps[index];
    const Plane& plane = planes_[step.output];
    ForEach(parallel_.get(), plane.extent.height, [&](int y, int worker) {
      row_sums_[y] = {};
      ForExpandedBlocks(index, y, worker, [&](int, int count, float* wide) {
        AddSums(wide, count, &row_sums_[y]);
      });
    });
    float scale[kPoolWidth], shift[kPoolWidth];
    FoldNorm(model_->layers()[step.layer].pool[0], plane.extent, scale, shift);
    const Matrix& contract = matrices_[index][1];
    ForEach(parallel_.get(), plane.extent.height, [&](int y, int worker) {
      ForExpandedBlocks(index, y, worker, [&](int x, int count, float* wide) {
        for (int i = 0; i < count * kPoolWidth; ++i)
          wide[i] = std::max(
              wide[i] * scale[i % kPoolWidth] + shift[i % kPoolWidth], 0.0f);
        float* narrow = wide + kBlock * kPoolWidth;
        blas_.Multiply(count, contract.out, kPoolWidth, wide, kPoolWidth,
                       contract.weight, contract.out, narrow, contract.out);
        float* to = plane.Pixel(y, x);
        for (int i = 0; i < count * contract.out; ++i) to[i] += narrow[i];
      });
    });
  }

  static void AddSums(const float* wide, int count, RowSums* sums) {
    constexpr int kGroup = kPoolWidth / kPoolGroups;
    for (int i = 0; i < count * kPoolWidth; ++i) {
      const int group = i % kPoolWidth / kGroup;
      sums->sum[group] += wide[i];
      sums->squares[group] += double(wide[i]) * wide[i];
    }
  }

  // GroupNorm as unit = wide * scale + shift, from the rows' sums in order.
  void FoldNorm(const PoolWeights& pool, Extent extent, float* scale,
                float* shift) const {
    constexpr int kGroup = kPoolWidth / kPoolGroups;
    const double count = double(kGroup) * extent.height * extent.width;
    for (int g = 0; g < kPoolGroups; ++g) {
      double sum = 0, squares = 0;
      for (int y = 0; y < extent.height; ++y) {
        sum += row_sums_[y].sum[g];
        squares += row_sums_[y].squares[g];
      }
      const double mean = sum / count;
      const double variance = std::max(squares / count - mean * mean, 0.0);
      const double inverse = 1 / std::sqrt(variance + kPoolEpsilon);
      for (int k = g * kGroup; k < (g + 1) * kGroup; ++k) {
        scale[k] = static_cast<float>(inverse * pool.gamma[k]);
        shift[k] =
            static_cast<float>(pool.beta[k] - mean * inverse * pool.gamma[k]);
      }
    }
  }

  void StoreRgb(int index, const FrameView& frame) {
    const Plane& in = planes_[plan_->steps[index].input];
    const int groups = (in.extent.height + kTile - 1) / kTile;
    ForEach(parallel_.get(), groups, [&](int group, int worker) {
      StoreTask task{
          .rgb = {},
          .y = group * kTile,
          .row_count = std::min(kTile, in.extent.height - group * kTile),
          .begin = 0,
          .end = in.extent.width,
          .frame = &frame};
      for (int r = 0; r < task.row_count; ++r)
        RgbRow(index, in, r, worker, &task);
      reference::Store(task);
    });
  }

  void RgbRow(int index, const Plane& in, int r, int worker, StoreTask* task) {
    const int width = in.extent.width;
    const float* bias = matrices_[index][0].bias;
    const int columns = matrices_[index][0].out;
    for (int c = 0; c < 3; ++c)
      task->rgb[c][r] = Rows(worker) + int64_t{c * kTile + r} * width;
    for (int x = 0; x < width; x += kBlock) {
      const int count = std::min(kBlock, width - x);
      float* product = Product(worker);
      ConvolveBlock(index, in, false, task->y + r, x, count, worker, product);
      for (int c = 0; c < 3; ++c) {
        float* row = Rows(worker) + int64_t{c * kTile + r} * width + x;
        for (int i = 0; i < count; ++i)
          row[i] = product[columns * i + c] + bias[c];
      }
    }
  }

  void Shuffle(int index, const FrameView& frame) {
    const Plane& in = planes_[plan_->steps[index].input];
    const int scale = frame.width / in.extent.width;
    ForEach(parallel_.get(), in.extent.height, [&](int y, int worker) {
      StoreTask task{.rgb = {},
                     .y = y * scale,
                     .row_count = scale,
                     .begin = 0,
                     .end = frame.width,
                     .frame = &frame};
      for (int k = 0; k < 3 * scale; ++k) {
        float* row = Rows(worker) + k * int64_t{frame.width};
        task.rgb[k / scale][k % scale] = row;
        for (int x = 0; x < frame.width; ++x)
          row[x] = in.Pixel(y, x / scale)[k * scale + x % scale];
      }
      reference::Store(task);
    });
  }

  void Show(int index) {
    const int output = plan_->steps[index].output;
    if (output == kNoTensor) return;
    const Plane& plane = planes_[output];
    std::vector<float> values;
    for (int y = 0; y < plane.extent.height; ++y)
      values.insert(values.end(), plane.Pixel(y, 0),
                    plane.Pixel(y, plane.extent.width));
    observer_(index, plane.extent, plane.channels, values.data());
  }

  const std::shared_ptr<const Model> model_;
  const std::shared_ptr<const Plan> plan_;
  const std::shared_ptr<ParallelFor> parallel_;
  const CancelFlag cancel_;
  const BlasLibrary& blas_;
  const LatentRows latent_rows_;
  AlignedBuffer arena_;
  std::vector<Plane> planes_;
  std::vector<std::vector<Matrix>> matrices_;  // of each step
  int max_channels_ = 0;                       // of any plane
  size_t scratch_floats_ = 0;                  // a worker
  float* scratch_ = nullptr;
  RowSums* row_sums_ = nullptr;  // a row of the latent
  StepObserver observer_;
};

}  // namespace

ExecutorOr MakeBlasExecutor(const ExecutorOptions& options) {
  StatusOr<const BlasLibrary*> blas = BlasLibrary::Get();
  if (!blas.ok()) return blas.status();
  auto executor = std::make_unique<BlasExecutor>(options, **blas);
  TAE_RETURN_IF_ERROR(executor->Prepare());
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace tae
