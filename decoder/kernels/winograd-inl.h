// 3x3 convolution, Winograd F(4x4, 3x3) (winograd.h), bias, skip and ReLU in
// the epilogue. A call runs through its tiles in chunks: transform the inputs
// of a chunk, 36 products, transform the outputs. While the products run, the
// next inputs, the outputs and the skip rows are prefetched.
// Needs simd_*-inl.h and gemm-inl.h before it.
#include "kernels/packed_layout.h"
#include "kernels/winograd.h"

namespace tae {
namespace {

// Scratch of one call. Strides are padded by a cache line, so that positions
// of a tile do not fall into the same cache sets.
template <class P>
struct WinogradScratch {
  static constexpr int kInputStride = P::kChunkTiles * P::kUnits + 16;
  static constexpr int kSumStride = P::kChunkTiles * kChannels + 16;
  alignas(64) typename P::Unit inputs[winograd::kPositions * kInputStride];
  alignas(64) typename P::SumUnit sums[winograd::kPositions * kSumStride];
  alignas(64) float tile[winograd::kPositions * kChannels];
  // Columns of the patch after the vertical transform, [vector][column mod 6]
  // [row][lane]: two of six serve the next tile too.
  alignas(64) float columns[winograd::kPositions * kChannels];
  alignas(64) float edge[kTile * kTile * kChannels];
  float scale[P::kChunkTiles];
};

// One-dimensional B^T.
TAE_INLINE void BtRow(const Float d[6], Float t[6]) {
  const Float k1 = Set(1.265625f), k2 = Set(2.8125f);
  t[0] = MulAdd(k1, d[0], NegMulAdd(k2, d[2], d[4]));
  t[5] = MulAdd(k1, d[1], NegMulAdd(k2, d[3], d[5]));
  const Float k3 = Set(2.25f), k4 = Set(0.75f);
  const Float even = NegMulAdd(k3, d[2], d[4]);
  const Float odd = NegMulAdd(k3, d[1], d[3]);
  t[1] = MulAdd(k4, odd, even);
  t[2] = NegMulAdd(k4, odd, even);
  const Float k5 = Set(0.5625f), k6 = Set(1.5f);
  const Float even2 = NegMulAdd(k5, d[2], d[4]);
  const Float odd2 = NegMulAdd(k5, d[1], d[3]);
  t[3] = MulAdd(k6, odd2, even2);
  t[4] = NegMulAdd(k6, odd2, even2);
}

// One-dimensional A^T with the norms of the weights, row k without its factor
// kRowFactor^k.
TAE_INLINE void AtRow(const Float m[6], Float y[4]) {
  constexpr float kU0 = winograd::kWeightNorm[0];
  constexpr float kU3 = winograd::kWeightNorm[3];
  constexpr float kU5 =
      winograd::kWeightNorm[5] /
      (winograd::kRowFactor * winograd::kRowFactor * winograd::kRowFactor);
  const Float p = Add(m[1], m[2]), q = Sub(m[1], m[2]);
  const Float r = Add(m[3], m[4]), s = Sub(m[3], m[4]);
  y[0] = MulAdd(r, Set(kU3), MulAdd(m[0], Set(kU0), p));
  y[1] = MulAdd(s, Set(2 * kU3), q);
  y[2] = MulAdd(r, Set(4 * kU3), p);
  y[3] = MulAdd(s, Set(8 * kU3), MulAdd(m[5], Set(kU5), q));
}

// Vertical transform of patch columns [first, 6) of tile `tile`.
template <class T>
TAE_INLINE void TransformColumns(const T* const in[6], int tile, int first,
                                 int channel, float* columns) {
  for (int x = first; x < 6; ++x) {
    const size_t offset = size_t(tile * kTile + x) * kChannels + channel;
    Float d[6], t[6];
    TAE_UNROLL for (int i = 0; i < 6; ++i) d[i] = Load(in[i] + offset);
    BtRow(d, t);
    float* to = columns + (tile * kTile + x) % 6 * 6 * kLanes;
    TAE_UNROLL for (int i = 0; i < 6; ++i) Store(to + i * kLanes, t[i]);
  }
}

// Row i of the horizontal transform of one vector of a tile to t[j].
TAE_INLINE void TransformRow(const float* columns, int tile, int i,
                             Float t[6]) {
  Float d[6];
  TAE_UNROLL for (int x = 0; x < 6; ++x) d[x] =
      Load(columns + ((tile * kTile + x) % 6 * 6 + i) * kLanes);
  BtRow(d, t);
}

// Horizontal transform of a tile to to[position * stride].
TAE_INLINE void TransformRows(const float* columns, int tile, float* to,
                              int stride) {
  TAE_UNROLL for (int i = 0; i < 6; ++i) {
    Float t[6];
    TransformRow(columns, tile, i, t);
    TAE_UNROLL for (int j = 0; j < 6; ++j)
        Store(to + (i * 6 + j) * stride, t[j]);
  }
}

constexpr int BalanceClass(int position) {
  const int i = position / 6, j = position % 6;
  return (i == 3 || i == 4) + (j == 3 || j == 4);
}

// Squares of 64 channels, added up in each lane.
TAE_INLINE Float LaneSquares(const float* values) {
  Float sum = Zero();
  TAE_UNROLL for (int c = 0; c < kChannels; c += kLanes) {
    const Float v = Load(values + c);
    sum = MulAdd(v, v, sum);
  }
  return sum;
}

// The scale under which positions whose LaneSquares are nowhere above
// `largest` keep to kNormMax and to int16. Lanes come from several positions,
// so that their sum is an upper bound.
TAE_INLINE float Int16Unit(Float largest) {
  float squares = ReduceAdd(largest), square = ReduceMax(largest);
  if (!(squares > 1e-30f)) squares = 1e-30f;
  if (!(square > 1e-30f)) square = 1e-30f;
  const float by_norm = float(winograd::kNormMax) / __builtin_sqrtf(squares);
  const float by_size = float(winograd::kInt16Max) / __builtin_sqrtf(square);
  return by_norm < by_size ? by_norm : by_size;
}

// 64 channels, times scale, rounded to pairs of int16.
TAE_INLINE void Quantise(const float* from, Float scale, int32_t* to) {
  TAE_UNROLL for (int c = 0; c < kChannels; c += 2 * kLanes) StoreInt(
      to + c / 2, QuantisePair(Load(from + c), Load(from + c + kLanes), scale));
}

// Horizontal transform of a tile, all 64 channels, to tile[position][channel].
// Returns the scale that all of it is to be quantised with. The squares of a
// row's channels are added while they are in registers.
TAE_INLINE float TransformTileRows(const float* columns, int index,
                                   float* tile) {
  // Classes of kBalance: none, one, or both ways 1.5.
  Float squares[3] = {Zero(), Zero(), Zero()};
  TAE_UNROLL for (int i = 0; i < 6; ++i) {
    Float sums[6];
    TAE_UNROLL for (int j = 0; j < 6; ++j) sums[j] = Zero();
    for (int c = 0; c < kChannels; c += kLanes) {
      Float t[6];
      TransformRow(columns + c * winograd::kPositions, index, i, t);
      TAE_UNROLL for (int j = 0; j < 6; ++j) {
        Store(tile + (i * 6 + j) * kChannels + c, t[j]);
        sums[j] = MulAdd(t[j], t[j], sums[j]);
      }
    }
    TAE_UNROLL for (int j = 0; j < 6; ++j) {
      Float& largest = squares[BalanceClass(i * 6 + j)];
      largest = Max(largest, sums[j]);
    }
  }
  return Int16Unit(Max(squares[0], Max(Mul(squares[1], Set(1.5f * 1.5f)),
                                       Mul(squares[2], Set(2.25f * 2.25f)))));
}

template <class T>
TAE_NOINLINE void TransformInput(const T* const in[6], int tile, bool first,
                                 WinogradScratch<Int16Product>* s, int slot) {
  for (int c = 0; c < kChannels; c += kLanes)
    TransformColumns(in, tile, first ? 0 : 2, c,
                     s->columns + c * winograd::kPositions);
  const float unit = TransformTileRows(s->columns, tile, s->tile);
  const Float scales[3] = {Set(unit), Set(1.5f * unit), Set(2.25f * unit)};
  int32_t* to = s->inputs + slot * Int16Product::kUnits;
  TAE_UNROLL for (int p = 0; p < winograd::kPositions; ++p)
      Quantise(s->tile + p * kChannels, scales[BalanceClass(p)],
               to + p * s->kInputStride);
  s->scale[slot] = 1 / unit;
}

template <class T>
TAE_NOINLINE void TransformInput(const T* const in[6], int tile, bool first,
                                 WinogradScratch<FloatProduct>* s, int slot) {
  for (int c = 0; c < kChannels; c += kLanes) {
    float* columns = s->columns + c * winograd::kPositions;
    TransformColumns(in, tile, first ? 0 : 2, c, columns);
    TransformRows(columns, tile, s->inputs + slot * kChannels + c,
                  s->kInputStride);
  }
  s->scale[slot] = 1;
}

// One vector of channels of one tile: 4x4 outputs to out[row] + column * 64.
template <bool kSkip, class P, class T>
TAE_INLINE void TransformOutput(const typename P::SumUnit* sums, int stride,
                                const float* scale, const float* bias,
                                Float tile_scale, Float floor,
                                const T* const skip[4], T* const out[4],
                                int channel) {
  Float columns[4][6];
  TAE_UNROLL for (int j = 0; j < 6; ++j) {
    Float m[6], y[4];
    TAE_UNROLL for (int i = 0; i < 6; ++i) m[i] =
        ToFloat(P::LoadSum(sums + (i * 6 + j) * stride));
    AtRow(m, y);
    TAE_UNROLL for (int i = 0; i < 4; ++i) columns[i][j] = y[i];
  }
  Float factor[winograd::kScalePowers];
  TAE_UNROLL for (int k = 0; k < winograd::kScalePowers; ++k) factor[k] =
      Mul(tile_scale, Load(scale + k * kChannels));
  const Float b = Load(bias);
  TAE_UNROLL for (int i = 0; i < 4; ++i) {
    Float y[4];
    AtRow(columns[i], y);
    TAE_UNROLL for (int j = 0; j < 4; ++j) {
      Float v = MulAdd(y[j], factor[i + j], b);
      if (kSkip) v = Add(v, Load(skip[i] + j * kChannels + channel));
      Store(out[i] + j * kChannels + channel, Max(v, floor));
    }
  }
}

// Where a tile's outputs go. A tile that leaves the plane goes to `edge`
// first, from where CopyEdge takes what is inside.
template <class T>
struct TileTarget {
  T* out[4];
  const T* skip[4];
  bool inside = true;
};

template <class T>
TAE_INLINE TileTarget<T> FindTarget(const ConvTask& task, int tile, T* edge) {
  TileTarget<T> to;
  to.inside = (tile + 1) * kTile <= task.width && task.out[0] != nullptr &&
              task.out[3] != nullptr;
  const size_t offset = size_t(1 + tile * kTile) * kChannels;
  for (int r = 0; r < kTile; ++r) {
    to.out[r] = to.inside ? static_cast<T*>(task.out[r]) + offset
                          : edge + r * kTile * kChannels;
    const T* skip = static_cast<const T*>(task.skip[r]);
    to.skip[r] = skip == nullptr ? nullptr : skip + offset;
  }
  return to;
}

template <class T>
void CopyEdge(const ConvTask& task, int tile, const T* edge) {
  const int left = task.width - tile * kTile;
  const int columns = left < kTile ? left : kTile;
  for (int r = 0; r < kTile; ++r)
    if (task.out[r] != nullptr)
      __builtin_memcpy(
          static_cast<T*>(task.out[r]) + size_t(1 + tile * kTile) * kChannels,
          edge + r * kTile * kChannels, columns * kChannels * sizeof(T));
}

template <bool kSkip, class P, class T>
TAE_NOINLINE void StoreTile(const PackedConv& layer, const ConvTask& task,
                            int tile, WinogradScratch<P>* s, int slot) {
  T* edge = reinterpret_cast<T*>(s->edge);
  const TileTarget<T> to = FindTarget<T>(task, tile, edge);
  const Float tile_scale = Set(s->scale[slot]);
  const Float floor = Set(task.relu ? 0.0f : -__builtin_inff());
  for (int c = 0; c < kChannels; c += kLanes)
    TransformOutput<kSkip, P, T>(s->sums + slot * kChannels + c, s->kSumStride,
                                 layer.scale + c, layer.bias + c, tile_scale,
                                 floor, to.skip, to.out, c);
  if (!to.inside) CopyEdge(task, tile, edge);
}

// Spreads `count` things evenly over `parts` calls of Step.
class Spread {
 public:
  Spread(int count, int parts) : count_(count), parts_(parts) {}
  // f(index) for the things of this part.
  template <class F>
  TAE_INLINE void Step(F f) {
    for (due_ += count_; due_ >= parts_; due_ -= parts_) f(index_++);
  }
  // f(index) for what is left.
  template <class F>
  TAE_INLINE void Finish(F f) {
    while (index_ < count_) f(index_++);
  }

 private:
  const int count_, parts_;
  int due_ = 0, index_ = 0;
};

// While the products of tiles [tile, tile + count) run, in `parts` parts:
// prefetches the inputs of the `next` tiles after them, and the rows that their
// outputs go to and that are skipped to.
template <class T>
class ConvPrefetch {
 public:
  ConvPrefetch(const ConvTask& task, int tile, int count, int next, int parts)
      : task_(task),
        tile_(tile),
        next_tile_(tile + count),
        inputs_(next * 6, parts),
        outputs_(count * kTile, parts) {}

  TAE_INLINE void Step() {
    inputs_.Step([&](int i) {
      const char* row = static_cast<const char*>(task_.in[i % 6]) +
                        size_t(next_tile_ + i / 6) * kTileBytes +
                        2 * kChannels * sizeof(T);
      for (int b = 0; b < kTileBytes; b += 64) PrefetchRead(row + b);
    });
    outputs_.Step([&](int i) {
      const size_t offset =
          size_t(tile_ + i / 4) * kTileBytes + kChannels * sizeof(T);
      const char* out = static_cast<const char*>(task_.out[i % 4]);
      const char* skip = static_cast<const char*>(task_.skip[i % 4]);
      for (int b = 0; b < kTileBytes && out != nullptr; b += 64)
        PrefetchWrite(out + offset + b);
      for (int b = 0; b < kTileBytes && skip != nullptr; b += 64)
        PrefetchRead(skip + offset + b);
    });
  }

 private:
  static constexpr int kTileBytes = kTile * kChannels * int(sizeof(T));
  const ConvTask& task_;
  const int tile_, next_tile_;
  Spread inputs_, outputs_;
};

template <class P, class T>
TAE_INLINE void StoreChunk(const PackedConv& layer, const ConvTask& task,
                           int tile, int count, WinogradScratch<P>* s) {
  for (int t = 0; t < count; ++t) {
    if (task.skip[0] != nullptr)
      StoreTile<true, P, T>(layer, task, tile + t, s, t);
    else
      StoreTile<false, P, T>(layer, task, tile + t, s, t);
  }
}

// Tiles of the chunk that begins at `tile`.
template <class P>
TAE_INLINE int ChunkTiles(int tile, int end) {
  const int left = end - tile;
  return left < P::kChunkTiles ? left : P::kChunkTiles;
}

template <class P, class T>
void ConvChunk(const PackedConv& layer, const ConvTask& task, int tile,
               int count, WinogradScratch<P>* s) {
  const T* in[6];
  for (int i = 0; i < 6; ++i) in[i] = static_cast<const T*>(task.in[i]);
  for (int t = 0; t < count; ++t) TransformInput(in, tile + t, t == 0, s, t);

  const auto* weights = static_cast<const typename P::Unit*>(layer.weights);
  ConvPrefetch<T> prefetch(task, tile, count,
                           ChunkTiles<P>(tile + count, task.tile_end),
                           winograd::kPositions * ProductParts(count, P()));
  for (int p = 0; p < winograd::kPositions; ++p)
    PositionProduct(
        s->inputs + p * s->kInputStride, weights + p * P::kUnits * kChannels,
        s->sums + p * s->kSumStride, count, P(), [&] { prefetch.Step(); });
  StoreChunk<P, T>(layer, task, tile, count, s);
}

template <class P, class T>
void Conv(const PackedLayer* packed, const ConvTask& task, void* scratch) {
  const auto& layer = *reinterpret_cast<const PackedConv*>(packed);
  auto* s = static_cast<WinogradScratch<P>*>(scratch);
  for (int tile = task.tile_begin; tile < task.tile_end; tile += P::kChunkTiles)
    ConvChunk<P, T>(layer, task, tile, ChunkTiles<P>(tile, task.tile_end), s);
}

}  // namespace
}  // namespace tae
