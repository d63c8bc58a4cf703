// The last convolution, 64 -> 3, direct. Lanes are pixels: a group of kLanes
// pixels of six input rows is transposed, so that each product is one weight
// times kLanes pixels. For each of the three horizontal taps the products are
// summed apart, then added with a shift of one pixel.
// Needs simd_*-inl.h and gemm-inl.h before it.
#include "kernels/packed_layout.h"
#include "kernels/winograd.h"

namespace tae {
namespace {

constexpr int kRgbTaps = 9;             // 3 horizontal taps x 3 outputs
constexpr int kRgbChunk = 16 * kLanes;  // pixels whose sums are kept

template <class P>
struct RgbScratch {
  // [row][unit][pixel] of one group.
  alignas(64) typename P::Unit inputs[6 * P::kUnits * kLanes];
  alignas(64) int32_t pixels[kLanes * P::kUnits];
  // [row][tap][pixel], one pixel more on both sides.
  alignas(64) float sums[4][kRgbTaps][kRgbChunk + 2 * kLanes];
};

// Pointers to the pixels x .. x + kLanes - 1 of a row of `width` pixels,
// clamped to the zero pixel on its right.
template <class T>
TAE_INLINE void GroupPixels(const void* row, int x, int width,
                            const T* pixels[kLanes]) {
  const T* zero = static_cast<const T*>(row);
  for (int i = 0; i < kLanes; ++i) {
    const int at = x + i < width ? x + i : width;
    pixels[i] = zero + size_t(1 + at) * kChannels;
  }
}

template <class T>
TAE_INLINE Float LargestOfGroup(const T* const pixels[kLanes]) {
  Float largest = Zero();
  for (int i = 0; i < kLanes; ++i)
    TAE_UNROLL for (int c = 0; c < kChannels; c += kLanes) largest =
        MaxAbs(largest, Load(pixels[i] + c));
  return largest;
}

// Transposes kLanes pixels of kUnits 32-bit units each.
TAE_INLINE void TransposeGroup(const int32_t* const pixels[kLanes], int units,
                               int32_t* to) {
  for (int u = 0; u < units; u += kLanes) {
    Int square[kLanes];
    TAE_UNROLL for (int i = 0; i < kLanes; ++i) square[i] =
        LoadInt(pixels[i] + u);
    Transpose(square);
    TAE_UNROLL for (int i = 0; i < kLanes; ++i)
        StoreInt(to + (u + i) * kLanes, square[i]);
  }
}

template <class T>
float LoadGroup(const RgbTask& task, int x, RgbScratch<Int16Product>* s) {
  const T* pixels[6][kLanes];
  Float largest = Zero();
  for (int r = 0; r < 6; ++r) {
    GroupPixels<T>(task.in[r], x, task.width, pixels[r]);
    largest = Max(largest, LargestOfGroup(pixels[r]));
  }
  float max = ReduceMax(largest);
  if (!(max > 1e-20f)) max = 1e-20f;
  const Float unit = Set(winograd::kInputMax / max);
  const int32_t* quantised[kLanes];
  for (int i = 0; i < kLanes; ++i) quantised[i] = s->pixels + i * kChannels / 2;
  for (int r = 0; r < 6; ++r) {
    for (int i = 0; i < kLanes; ++i)
      TAE_UNROLL for (int c = 0; c < kChannels; c += 2 * kLanes)
          StoreInt(s->pixels + (i * kChannels + c) / 2,
                   QuantisePair(Load(pixels[r][i] + c),
                                Load(pixels[r][i] + c + kLanes), unit));
    TransposeGroup(quantised, kChannels / 2,
                   s->inputs + r * kChannels / 2 * kLanes);
  }
  return max / winograd::kInputMax;
}

template <class T>
float LoadGroup(const RgbTask& task, int x, RgbScratch<FloatProduct>* s) {
  auto* line = reinterpret_cast<float*>(s->pixels);
  const int32_t* units[kLanes];
  for (int i = 0; i < kLanes; ++i) units[i] = s->pixels + i * kChannels;
  for (int r = 0; r < 6; ++r) {
    const T* pixels[kLanes];
    GroupPixels<T>(task.in[r], x, task.width, pixels);
    for (int i = 0; i < kLanes; ++i)
      for (int c = 0; c < kChannels; c += kLanes)
        Store(line + i * kChannels + c, Load(pixels[i] + c));
    TransposeGroup(
        units, kChannels,
        reinterpret_cast<int32_t*>(s->inputs) + r * kChannels * kLanes);
  }
  return 1;
}

// The nine sums of kRows output rows from `inputs` (row 0 of the first).
template <class P, int kRows>
TAE_INLINE void RgbProducts(const typename P::Unit* inputs,
                            const typename P::Unit* weights,
                            typename P::Sum sums[kRows][kRgbTaps]) {
  constexpr int kRowUnits = P::kUnits * kLanes;
  TAE_UNROLL for (int r = 0; r < kRows; ++r)
      TAE_UNROLL for (int t = 0; t < kRgbTaps; ++t) sums[r][t] = P::ZeroSum();
  for (int dy = 0; dy < 3; ++dy)
    for (int k = 0; k < P::kUnits; ++k) {
      const typename P::Unit* w = weights + (dy * P::kUnits + k) * kRgbTaps;
      TAE_UNROLL for (int r = 0; r < kRows; ++r) {
        const auto x = P::LoadUnits(inputs + (r + dy) * kRowUnits + k * kLanes);
        TAE_UNROLL for (int t = 0; t < kRgbTaps; ++t) sums[r][t] =
            P::Dot(sums[r][t], P::Broadcast(w + t), x);
      }
    }
}

template <class P, class T>
void RgbGroup(const PackedRgb& layer, const RgbTask& task, int x, int slot,
              RgbScratch<P>* s) {
  constexpr int kRows = kLanes > 8 ? 2 : 1;  // as many as registers hold
  const Float scale = Set(LoadGroup<T>(task, x, s));
  const auto* weights = static_cast<const typename P::Unit*>(layer.weights);
  for (int row = 0; row < kTile; row += kRows) {
    if (task.rgb[0][row] == nullptr) break;
    typename P::Sum sums[kRows][kRgbTaps];
    RgbProducts<P, kRows>(s->inputs + row * P::kUnits * kLanes, weights, sums);
    TAE_UNROLL for (int r = 0; r < kRows; ++r)
        TAE_UNROLL for (int t = 0; t < kRgbTaps; ++t)
            Store(&s->sums[row + r][t][slot], Mul(ToFloat(sums[r][t]), scale));
  }
}

// Adds the three taps of pixels x .. x + count - 1; their sums begin one slot
// before, with the pixel on the left.
inline void StoreRgb(const PackedRgb& layer, const RgbTask& task, int x,
                     int count,
                     const float sums[4][kRgbTaps][kRgbChunk + 2 * kLanes]) {
  for (int row = 0; row < kTile; ++row)
    for (int c = 0; c < 3 && task.rgb[c][row] != nullptr; ++c) {
      const Float scale = Set(layer.scale[c]), bias = Set(layer.bias[c]);
      float* out = task.rgb[c][row] + x;
      for (int i = 0; i < count; i += kLanes) {
        const Float sum =
            Add(Add(Load(&sums[row][c][i]), Load(&sums[row][3 + c][i + 1])),
                Load(&sums[row][6 + c][i + 2]));
        const Float value = MulAdd(sum, scale, bias);
        if (count - i >= kLanes) {
          Store(out + i, value);
          continue;
        }
        alignas(64) float last[kLanes];
        Store(last, value);
        __builtin_memcpy(out + i, last, (count - i) * sizeof(float));
      }
    }
}

template <class P, class T>
void Rgb(const PackedLayer* packed, const RgbTask& task, void* scratch) {
  const auto& layer = *reinterpret_cast<const PackedRgb*>(packed);
  auto* s = static_cast<RgbScratch<P>*>(scratch);
  const int end =
      task.tile_end * kTile < task.width ? task.tile_end * kTile : task.width;
  constexpr int kPixels = kRgbChunk - 2;  // whole groups, less both neighbours
  for (int x = task.tile_begin * kTile; x < end; x += kPixels) {
    const int count = end - x < kPixels ? end - x : kPixels;
    for (int slot = 0; slot < count + 2; slot += kLanes)
      RgbGroup<P, T>(layer, task, x - 1 + slot, slot, s);
    StoreRgb(layer, task, x, count, s->sums);
  }
}

}  // namespace
}  // namespace tae
