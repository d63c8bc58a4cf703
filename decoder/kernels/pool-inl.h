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
  TAE_UNROLL for (int c = 0; c < kChannels; c += kLanes) {
    Float sum = Load(sums + c);
    for (int i = 0; i < count; ++i)
      sum = Add(sum, Load(pixels + i * kChannels + c));
    Store(sums + c, sum);
  }
}

// gram[a][b] += sum over pixels of x_a x_b, for b >= a at least.
TAE_INLINE void AddGram(const float* pixels, int count, float* gram) {
  constexpr int kRows = 4;
  for (int a = 0; a < kChannels; a += kRows)
    for (int b = a / kLanes * kLanes; b < kChannels; b += kLanes) {
      Float acc[kRows];
      TAE_UNROLL for (int r = 0; r < kRows; ++r) acc[r] =
          Load(gram + (a + r) * kChannels + b);
      for (int i = 0; i < count; ++i) {
        const Float x = Load(pixels + i * kChannels + b);
        TAE_UNROLL for (int r = 0; r < kRows; ++r) acc[r] =
            MulAdd(Set(pixels[i * kChannels + a + r]), x, acc[r]);
      }
      TAE_UNROLL for (int r = 0; r < kRows; ++r)
          Store(gram + (a + r) * kChannels + b, acc[r]);
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
