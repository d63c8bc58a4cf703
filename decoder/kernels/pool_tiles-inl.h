// The pool of the middle block on AMX tiles of split bf16: 64-256-64 on 32
// pixels at a time, as four times 64-64-64. Vector work between the products
// made it slower (225 for 206 ns a pixel). Needs amx-inl.h before it.
#include "kernels/pack.h"
#include "kernels/packed_layout.h"

namespace tae {
namespace {

struct PoolTilesScratch {
  using P = BFloatProduct<3>;
  static constexpr int kPixels = P::kChunkTiles;
  alignas(64) int32_t pixels[kPixels * P::kUnits];
  alignas(64) int32_t hidden[kPixels * P::kUnits];
  alignas(64) float sums[kPixels * kChannels];
  alignas(64) float out[kPixels * kChannels];
};

// 16 floats times 16 doubles, rounded once.
TAE_INLINE Float MulDoubles(Float a, const double* b) {
  const __m256 low = _mm512_castps512_ps256(a);
  const __m256 high = _mm512_extractf32x8_ps(a, 1);
  const auto mul = [](__m256 x, const double* y) {
    return _mm512_cvtpd_ps(
        _mm512_mul_pd(_mm512_cvtps_pd(x), _mm512_loadu_pd(y)));
  };
  return _mm512_insertf32x8(_mm512_castps256_ps512(mul(low, b)),
                            mul(high, b + 8), 1);
}

// The nearest bf16, ties to even, in the high halves; the rest is not zero.
TAE_INLINE Int RoundToBFloat(Float a) {
  const Int bits = _mm512_castps_si512(a);
  const Int odd =
      _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  return _mm512_add_epi32(bits,
                          _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
}

// Weights of two inputs as StoreBFloat wants them: part 1, what part 0 lost,
// 256 units on.
TAE_INLINE void StoreWeightPair(Float a, Float b, int32_t* to) {
  const Int high = _mm512_set1_epi32(int(0xffff0000));
  for (int part = 0; part < kSplit; ++part) {
    const Int x = RoundToBFloat(a), y = RoundToBFloat(b);
    StoreInt(to + part * 256,
             _mm512_mask_blend_epi16(0xAAAAAAAAu, _mm512_srli_epi32(x, 16), y));
    a = Sub(a, _mm512_castsi512_ps(_mm512_and_si512(x, high)));
    b = Sub(b, _mm512_castsi512_ps(_mm512_and_si512(y, high)));
  }
}

// The expansion in the order of StoreBFloat (pack_bfloat.h), a square of 64
// outputs at a time.
inline void FoldPoolTiles(const PackedLayer* packed, const double* stats,
                          double pixels, void* folded) {
  constexpr int kPairs = 16;
  const auto* layer = reinterpret_cast<const PackedPool*>(packed);
  auto* to = static_cast<FoldedPool*>(folded);
  auto* units = reinterpret_cast<int32_t*>(to->expand);
  double factor[kPoolWidth];
  to->contract = layer->contract;
  NormalisePool(packed, stats, pixels, factor, to->bias);
  for (int out = 0; out < kPoolWidth; out += kLanes) {
    const auto weights = [&](int in) {
      return MulDoubles(Load(layer->expand + in * kPoolWidth + out),
                        factor + out);
    };
    int32_t* square = units + out / kChannels * BFloatProduct<3>::kWeightUnits;
    for (int half = 0; half < 2; ++half) {
      const int block = out % kChannels / 32 * 4 + half * 2 + out / 16 % 2;
      for (int pair = 0; pair < kPairs; ++pair)
        StoreWeightPair(weights(half * 32 + pair),
                        weights(half * 32 + pair + 16),
                        square + (block * kSplit * kPairs + pair) * kLanes);
    }
  }
}

template <class T>
TAE_INLINE void SplitPixels(const T* from, int count, int32_t* to) {
  for (int i = 0; i < count; ++i)
    TAE_UNROLL for (int c = 0; c < kChannels; c += 2 * kLanes) StoreSplit(
        Load(from + i * kChannels + c), Load(from + i * kChannels + c + kLanes),
        to + i * BFloatProduct<3>::kUnits + c / 2);
}

// relu(sums + bias), split.
TAE_INLINE void SplitHidden(const float* sums, const float* bias, int count,
                            int32_t* to) {
  const auto value = [&](int i, int c) {
    return Max(Add(Load(sums + i * kChannels + c), Load(bias + c)), Zero());
  };
  for (int i = 0; i < count; ++i)
    TAE_UNROLL for (int c = 0; c < kChannels; c += 2 * kLanes)
        StoreSplit(value(i, c), value(i, c + kLanes),
                   to + i * BFloatProduct<3>::kUnits + c / 2);
}

TAE_INLINE void AddOut(const float* sums, int count, float* out) {
  for (int i = 0; i < count * kChannels; i += kLanes)
    Store(out + i, Add(Load(out + i), Load(sums + i)));
}

template <class T>
void PoolOnTiles(const void* folded_bytes, const PoolTask& task,
                 void* scratch) {
  using P = BFloatProduct<3>;
  constexpr int kSquareUnits = P::kWeightUnits;
  const auto& folded = *static_cast<const FoldedPool*>(folded_bytes);
  const auto* expand = reinterpret_cast<const int32_t*>(folded.expand);
  const auto* contract = static_cast<const int32_t*>(folded.contract);
  auto* s = static_cast<PoolTilesScratch*>(scratch);
  const TileRegisters registers;
  for (int x = task.begin; x < task.end; x += s->kPixels) {
    const int count = task.end - x < s->kPixels ? task.end - x : s->kPixels;
    T* pixels = static_cast<T*>(task.row) + size_t(1 + x) * kChannels;
    SplitPixels(pixels, count, s->pixels);
    for (int i = 0; i < count * kChannels; i += kLanes)
      Store(s->out + i, Load(pixels + i));
    for (int group = 0; group < kPoolWidth / kChannels; ++group) {
      PositionProduct(s->pixels, expand + group * kSquareUnits, s->sums, count,
                      P(), [] {});
      SplitHidden(s->sums, folded.bias + group * kChannels, count, s->hidden);
      PositionProduct(s->hidden, contract + group * kSquareUnits, s->sums,
                      count, P(), [] {});
      AddOut(s->sums, count, s->out);
    }
    for (int i = 0; i < count * kChannels; i += kLanes)
      Store(pixels + i, Load(s->out + i));
  }
}

}  // namespace
}  // namespace tae
