// Nearest upsampling x2 and 3x3 convolution in one: 25 products per 4x4
// outputs from nine distinct inputs (winograd.h).
// Needs simd_*-inl.h, gemm-inl.h and winograd-inl.h before it.
#include "kernels/packed_layout.h"
#include "kernels/winograd.h"

namespace tae {
namespace {

template <class P>
struct UpScratch {
  static constexpr int kInputStride = P::kChunkTiles * P::kUnits + 16;
  static constexpr int kSumStride = P::kChunkTiles * kChannels + 16;
  alignas(64) typename P::Unit inputs[winograd::kUpInputs * kInputStride];
  alignas(64) typename P::SumUnit sums[winograd::kUpPositions * kSumStride];
  alignas(64) float tile[winograd::kUpInputs * kChannels];
  alignas(64) float edge[kTile * kTile * kChannels];
  float scale[P::kChunkTiles];
};

// {a, b, c} -> {b, a - b, c - b}.
TAE_INLINE void UpDifferences(Float a, Float b, Float c, Float to[3]) {
  to[0] = b;
  to[1] = Sub(a, b);
  to[2] = Sub(c, b);
}

// One vector of the 3x3 patch at `row[y] + offset`; pixels are kChannels
// apart, the last `right` after the middle one.
template <class T>
TAE_INLINE void UpTransformVector(const T* const row[3], size_t offset,
                                  size_t right, float* to, int stride) {
  Float across[3][3];
  TAE_UNROLL for (int y = 0; y < 3; ++y) {
    const T* p = row[y] + offset;
    UpDifferences(Load(p), Load(p + kChannels), Load(p + kChannels + right),
                  across[y]);
  }
  TAE_UNROLL for (int x = 0; x < 3; ++x) {
    Float down[3];
    UpDifferences(across[0][x], across[1][x], across[2][x], down);
    TAE_UNROLL for (int y = 0; y < 3; ++y)
        Store(to + (y * 3 + x) * stride, down[y]);
  }
}

// A tile at the right end of a plane of even width has no third column inside
// the stored row; it is not needed there, so the middle one stands in.
inline size_t RightStep(const UpConvTask& task, int tile) {
  const int stored = 1 + (task.in_width + kTile - 1) / kTile * kTile + 1;
  return 2 * tile + 2 < stored ? kChannels : 0;
}

template <class T>
void UpTransformInput(const T* const row[3], const UpConvTask& task, int tile,
                      UpScratch<Int16Product>* s, int slot) {
  const size_t offset = size_t(2 * tile) * kChannels;
  const size_t right = RightStep(task, tile);
  for (int c = 0; c < kChannels; c += kLanes)
    UpTransformVector(row, offset + c, right, s->tile + c, kChannels);
  Float largest = Zero();
  for (int p = 0; p < winograd::kUpInputs; ++p)
    largest = Max(largest, LaneSquares(s->tile + p * kChannels));
  const float unit = Int16Unit(largest);
  s->scale[slot] = 1 / unit;
  for (int p = 0; p < winograd::kUpInputs; ++p)
    Quantise(s->tile + p * kChannels, Set(unit),
             s->inputs + p * s->kInputStride + slot * Int16Product::kUnits);
}

template <class T>
void UpTransformInput(const T* const row[3], const UpConvTask& task, int tile,
                      UpScratch<FloatProduct>* s, int slot) {
  const size_t offset = size_t(2 * tile) * kChannels;
  const size_t right = RightStep(task, tile);
  for (int c = 0; c < kChannels; c += kLanes)
    UpTransformVector(row, offset + c, right, s->inputs + slot * kChannels + c,
                      s->kInputStride);
  s->scale[slot] = 1;
}

// One vector of channels of one tile: 4x4 outputs.
template <class P, class T>
TAE_INLINE void UpTransformOutput(const typename P::SumUnit* sums, int stride,
                                  Float scale, Float bias, Float floor,
                                  T* const out[4], int channel) {
  // Output k is position 0 plus position kOther[k], each way.
  constexpr int kOther[4] = {2, 1, 3, 4};
  Float rows[4][5];
  TAE_UNROLL for (int j = 0; j < 5; ++j) {
    const typename P::Sum first = P::LoadSum(sums + j * stride);
    TAE_UNROLL for (int i = 0; i < 4; ++i) rows[i][j] = ToFloat(
        P::AddSum(first, P::LoadSum(sums + (kOther[i] * 5 + j) * stride)));
  }
  TAE_UNROLL for (int i = 0; i < 4; ++i) TAE_UNROLL for (int j = 0; j < 4; ++j)
      Store(
          out[i] + j * kChannels + channel,
          Max(MulAdd(Add(rows[i][0], rows[i][kOther[j]]), scale, bias), floor));
}

template <class T>
void CopyUpEdge(const UpConvTask& task, int tile, const T* edge) {
  const int x = tile * kTile - 1;
  const int begin = x < 0 ? -x : 0;
  const int left = 2 * task.in_width - x;
  const int end = left < kTile ? left : kTile;
  for (int r = 0; r < kTile; ++r)
    if (task.out[r] != nullptr && end > begin)
      __builtin_memcpy(
          static_cast<T*>(task.out[r]) + size_t(1 + x + begin) * kChannels,
          edge + (r * kTile + begin) * kChannels,
          (end - begin) * kChannels * sizeof(T));
}

template <class P, class T>
void StoreUpTile(const PackedUpConv& layer, const UpConvTask& task, int tile,
                 UpScratch<P>* s, int slot) {
  T* edge = reinterpret_cast<T*>(s->edge);
  bool inside = tile > 0 && (tile + 1) * kTile - 1 <= 2 * task.in_width;
  for (int r = 0; r < kTile; ++r) inside = inside && task.out[r] != nullptr;
  T* out[4];
  for (int r = 0; r < kTile; ++r)
    out[r] =
        inside ? static_cast<T*>(task.out[r]) + size_t(tile * kTile) * kChannels
               : edge + r * kTile * kChannels;
  const Float tile_scale = Set(s->scale[slot]);
  const Float floor = Set(task.relu ? 0.0f : -__builtin_inff());
  for (int c = 0; c < kChannels; c += kLanes)
    UpTransformOutput<P, T>(s->sums + slot * kChannels + c, s->kSumStride,
                            Mul(tile_scale, Load(layer.scale + c)),
                            Load(layer.bias + c), floor, out, c);
  if (!inside) CopyUpEdge(task, tile, edge);
}

// As ConvPrefetch.
template <class T>
class UpConvPrefetch {
 public:
  UpConvPrefetch(const UpConvTask& task, int tile, int count, int next,
                 int parts)
      : task_(task),
        tile_(tile),
        next_tile_(tile + count),
        inputs_(next * 3, parts),
        outputs_(count * kTile, parts) {}

  TAE_INLINE void Step() {
    inputs_.Step([&](int i) {
      const char* row = static_cast<const char*>(task_.in[i % 3]) +
                        size_t(2 * (next_tile_ + i / 3) + 1) * kPixelBytes;
      for (int b = 0; b < 2 * kPixelBytes; b += 64) PrefetchRead(row + b);
    });
    outputs_.Step([&](int i) {
      const char* out = static_cast<const char*>(task_.out[i % 4]);
      if (out == nullptr) return;
      out += size_t(tile_ + i / 4) * kTile * kPixelBytes;
      for (int b = 0; b < kTile * kPixelBytes; b += 64) PrefetchWrite(out + b);
    });
  }

 private:
  static constexpr int kPixelBytes = kChannels * int(sizeof(T));
  const UpConvTask& task_;
  const int tile_, next_tile_;
  Spread inputs_, outputs_;
};

template <class P, class T>
void UpConvChunk(const PackedUpConv& layer, const UpConvTask& task, int tile,
                 int count, UpScratch<P>* s) {
  constexpr int kInput[5] = {0, 1, 1, 2, 2};
  const T* row[3];
  for (int i = 0; i < 3; ++i) row[i] = static_cast<const T*>(task.in[i]);
  for (int t = 0; t < count; ++t) UpTransformInput(row, task, tile + t, s, t);

  const auto* weights = static_cast<const typename P::Unit*>(layer.weights);
  UpConvPrefetch<T> prefetch(task, tile, count,
                             ChunkTiles<P>(tile + count, task.tile_end),
                             winograd::kUpPositions * ProductParts(count, P()));
  for (int p = 0; p < winograd::kUpPositions; ++p) {
    const int input = kInput[p / 5] * 3 + kInput[p % 5];
    PositionProduct(s->inputs + input * s->kInputStride,
                    weights + p * P::kUnits * kChannels,
                    s->sums + p * s->kSumStride, count, P(),
                    [&] { prefetch.Step(); });
  }
  for (int t = 0; t < count; ++t)
    StoreUpTile<P, T>(layer, task, tile + t, s, t);
}

template <class P, class T>
void UpConv(const PackedLayer* packed, const UpConvTask& task, void* scratch) {
  const auto& layer = *reinterpret_cast<const PackedUpConv*>(packed);
  auto* s = static_cast<UpScratch<P>*>(scratch);
  for (int tile = task.tile_begin; tile < task.tile_end; tile += P::kChunkTiles)
    UpConvChunk<P, T>(layer, task, tile, ChunkTiles<P>(tile, task.tile_end), s);
}

}  // namespace
}  // namespace tae
