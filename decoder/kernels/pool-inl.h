// The pool of the middle block: statistics for its group norm, then a fused
// 64-256-64 network on each pixel. Needs simd_*-inl.h and gemm-inl.h before it.
#include "kernels/packed_layout.h"

namespace tae {
namespace {

constexpr int kPoolBlock = 64;  // pixels of statistics held in cache

struct PoolScratch {
  alignas(64) float pixels[kPoolBlock * kChannels];
  alignas(64) float hidden[kGemmRows * kPoolWidth];
  alignas(64) float out[kGemmRows * kChannels];
};

template <class T>
TAE_INLINE void LoadPixels(const T* from, int count, float* to) {
  for (int i = 0; i < count * kChannels; i += kLanes)
    Store(to + i, Load(from + i));
}

TAE_INLINE void AddSums(const float* pixels, int count, float* sums) {
  constexpr int kVectors = kChannels / kLanes;
  Float sum[kVectors];
  TAE_UNROLL for (int v = 0; v < kVectors; ++v) sum[v] =
      Load(sums + v * kLanes);
  for (int i = 0; i < count; ++i)
    TAE_UNROLL for (int v = 0; v < kVectors; ++v) sum[v] =
        Add(sum[v], Load(pixels + i * kChannels + v * kLanes));
  TAE_UNROLL for (int v = 0; v < kVectors; ++v)
      Store(sums + v * kLanes, sum[v]);
}

// gram[a + r][b + lane] += sum over pixels of x_(a + r) x_(b + lane): kRows
// rows by kCols vectors, so many sums that none waits for the one before it.
template <int kRows, int kCols>
TAE_INLINE void AddGramBlock(const float* pixels, int count, int a, int b,
                             float* gram) {
  Float acc[kRows][kCols];
  gram += a * kChannels + b;
  TAE_UNROLL for (int r = 0; r < kRows; ++r)
      TAE_UNROLL for (int c = 0; c < kCols; ++c) acc[r][c] =
          Load(gram + r * kChannels + c * kLanes);
  for (int i = 0; i < count; ++i, pixels += kChannels) {
    Float x[kCols];
    TAE_UNROLL for (int c = 0; c < kCols; ++c) x[c] =
        Load(pixels + b + c * kLanes);
    TAE_UNROLL for (int r = 0; r < kRows; ++r) {
      const Float y = Set(pixels[a + r]);
      TAE_UNROLL for (int c = 0; c < kCols; ++c) acc[r][c] =
          MulAdd(y, x[c], acc[r][c]);
    }
  }
  TAE_UNROLL for (int r = 0; r < kRows; ++r)
      TAE_UNROLL for (int c = 0; c < kCols; ++c)
          Store(gram + r * kChannels + c * kLanes, acc[r][c]);
}

// gram[a][b] += sum over pixels of x_a x_b, for b >= a at least.
TAE_INLINE void AddGram(const float* pixels, int count, float* gram) {
  constexpr int kRows = kLanes > 8 ? 8 : 4;
  for (int a = 0; a < kChannels; a += kRows) {
    int b = a / kLanes * kLanes;
    for (; b + kLanes < kChannels; b += 2 * kLanes)
      AddGramBlock<kRows, 2>(pixels, count, a, b, gram);
    if (b < kChannels) AddGramBlock<kRows, 1>(pixels, count, a, b, gram);
  }
}

template <class T>
void PoolStats(const void* const* rows, int row_count, int width, float* stats,
               void* scratch) {
  auto* s = static_cast<PoolScratch*>(scratch);
  for (int row = 0; row < row_count; ++row) {
    const T* pixels = static_cast<const T*>(rows[row]) + kChannels;
    for (int x = 0; x < width; x += kPoolBlock) {
      const int count = width - x < kPoolBlock ? width - x : kPoolBlock;
      LoadPixels(pixels + size_t(x) * kChannels, count, s->pixels);
      AddSums(s->pixels, count, stats);
      AddGram(s->pixels, count, stats + kChannels);
    }
  }
}

// hidden = relu(expand(pixels) + bias), kGemmRows pixels.
TAE_INLINE void PoolExpand(const FoldedPool& folded, PoolScratch* s) {
  constexpr int kStep = kGemmCols * kLanes;
  for (int out = 0; out < kPoolWidth; out += kStep) {
    GemmBlock<FloatProduct, kGemmRows, kGemmCols>(
        s->pixels, kChannels, kChannels, folded.expand + out, kPoolWidth,
        s->hidden + out, kPoolWidth,
        reinterpret_cast<const char*>(folded.expand + out + kStep));
    TAE_UNROLL for (int c = 0; c < kGemmCols; ++c) {
      const Float bias = Load(folded.bias + out + c * kLanes);
      TAE_UNROLL for (int r = 0; r < kGemmRows; ++r) {
        float* h = s->hidden + r * kPoolWidth + out + c * kLanes;
        Store(h, Max(Add(Load(h), bias), Zero()));
      }
    }
  }
}

template <class T>
void Pool(const void* folded_bytes, const PoolTask& task, void* scratch) {
  const auto& folded = *static_cast<const FoldedPool*>(folded_bytes);
  auto* s = static_cast<PoolScratch*>(scratch);
  const auto* contract = static_cast<const float*>(folded.contract);
  constexpr int kStep = kGemmCols * kLanes;
  for (int x = task.begin; x < task.end; x += kGemmRows) {
    const int count = task.end - x < kGemmRows ? task.end - x : kGemmRows;
    T* pixels = static_cast<T*>(task.row) + size_t(1 + x) * kChannels;
    LoadPixels(pixels, count, s->pixels);
    PoolExpand(folded, s);
    for (int out = 0; out < kChannels; out += kStep)
      GemmBlock<FloatProduct, kGemmRows, kGemmCols>(
          s->hidden, kPoolWidth, kPoolWidth, contract + out, kChannels,
          s->out + out, kChannels,
          reinterpret_cast<const char*>(contract + out));
    for (int i = 0; i < count * kChannels; i += kLanes)
      Store(pixels + i, Add(Load(s->pixels + i), Load(s->out + i)));
  }
}

}  // namespace
}  // namespace tae
