// Products on AMX tiles of bf16. A float is the sum of a high and a low bf16
// (16 bits of mantissa), and the sum of the products of the parts of two such
// sums is their product to about 2^-17, or without low*low 2^-16: near float
// arithmetic at 128 or 170 multiply-adds a cycle, where VPDPWSSD has 64. No
// scales and no conversions are needed.
// Needs simd_avx512-inl.h before it, and winograd-inl.h, upconv-inl.h after.
#include "kernels/packed_layout.h"
#include "kernels/winograd.h"

namespace tae {
namespace {

constexpr int kSplit = 2;  // parts of a float

// kProducts: 4, or 3 without low*low.
// Inputs: [tile][part][32 pairs]; weights: [2 halves of the outputs][2 halves
// of the inputs][2 blocks of outputs][part][16 pairs][16 outputs]; a unit is a
// pair of bf16.
template <int kProducts>
struct BFloatProduct {
  static constexpr int kChunkTiles = 32;
  using Unit = int32_t;
  using Sum = Float;
  using SumUnit = float;
  static constexpr int kUnits = kSplit * kChannels / 2;
  static constexpr int kWeightUnits = kUnits * kChannels;
  // From one position of a chunk to the next.
  static constexpr int kInputStrideBytes = (kChunkTiles * kUnits + 16) * 4;
  static TAE_INLINE Sum LoadSum(const SumUnit* p) { return Load(p); }
  static TAE_INLINE Sum AddSum(Sum a, Sum b) { return Add(a, b); }
};

// Tile registers as all products here want them: 16 rows of 64 bytes. While it
// lives, this thread holds tile state.
class TileRegisters {
 public:
  TileRegisters() {
    struct alignas(64) Config {
      uint8_t palette = 1;
      uint8_t start_row = 0;
      uint8_t reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  ~TileRegisters() { asm volatile("tilerelease"); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

#define TAE_TILE_LOAD(t, p, stride)             \
  asm volatile("tileloadd (%0,%1,1), %%tmm" #t  \
               :                                \
               : "r"(p), "r"(ptrdiff_t{stride}) \
               : "memory")
#define TAE_TILE_STORE(t, p, stride)               \
  asm volatile("tilestored %%tmm" #t ", (%0,%1,1)" \
               :                                   \
               : "r"(p), "r"(ptrdiff_t{stride})    \
               : "memory")
#define TAE_TILE_ZERO(t) asm volatile("tilezero %tmm" #t)
// tmm[c] += tmm[a] * tmm[b]
#define TAE_TILE_DOT(c, a, b) \
  asm volatile("tdpbf16ps %tmm" #b ", %tmm" #a ", %tmm" #c)

// Registers: 0..3 sums [tiles][outputs], 4..5 inputs, 6..7 weights. kTwo: 32
// tiles of the chunk, else its first 16.
template <int kProducts, bool kTwo>
struct TileBlock {
  static constexpr int kInputBytes = kSplit * 128;  // of one tile
  static constexpr int kSumBytes = kChannels * 4;
  static constexpr int kWeightBlock = 1024;

  static TAE_INLINE void LoadInputs(const char* inputs) {
    TAE_TILE_LOAD(4, inputs, kInputBytes);
    if (kTwo) TAE_TILE_LOAD(5, inputs + 16 * kInputBytes, kInputBytes);
  }
  static TAE_INLINE void LoadWeights(const char* weights) {
    TAE_TILE_LOAD(6, weights, 64);
    TAE_TILE_LOAD(7, weights + kSplit * kWeightBlock, 64);
  }
  static TAE_INLINE void Dot() {
    TAE_TILE_DOT(0, 4, 6);
    TAE_TILE_DOT(1, 4, 7);
    if (kTwo) TAE_TILE_DOT(2, 5, 6);
    if (kTwo) TAE_TILE_DOT(3, 5, 7);
  }
  static TAE_INLINE void Store(float* sums) {
    TAE_TILE_STORE(0, sums, kSumBytes);
    TAE_TILE_STORE(1, sums + 16, kSumBytes);
    if (kTwo) TAE_TILE_STORE(2, sums + 16 * kChannels, kSumBytes);
    if (kTwo) TAE_TILE_STORE(3, sums + 16 * kChannels + 16, kSumBytes);
  }

  // Step `step` of kSteps on the way: brings what is needed next into the first
  // cache. Tiles are loaded row by row, each a miss of its own otherwise.
  static constexpr int kSteps = 2 * kProducts;
  static TAE_INLINE void Fetch(const char* weights, const char* inputs,
                               int step) {
    constexpr int kWeightLines = 4 * kSplit * kWeightBlock / 64 / kSteps;
    constexpr int kInputLines = 16 * kInputBytes / 64 / kSteps;
    for (int i = 0; i < kWeightLines; ++i)
      PrefetchSoon(weights + (step * kWeightLines + i) * 64);
    for (int i = 0; i <= kInputLines; ++i)
      PrefetchSoon(inputs + (step * kInputLines + i) * 64);
  }

  // Outputs 32 * side .. 32 * side + 31.
  template <class F>
  static TAE_INLINE void Run(const char* inputs, const char* weights,
                             float* sums, const char* next_inputs, F between) {
    TAE_TILE_ZERO(0);
    TAE_TILE_ZERO(1);
    TAE_TILE_ZERO(2);
    TAE_TILE_ZERO(3);
    const char* next_weights = weights + 4 * kSplit * kWeightBlock;
    int step = 0;
    const auto rest = [&] {
      Fetch(next_weights, next_inputs, step++);
      between();
    };
    TAE_UNROLL for (int half = 0; half < 2; ++half) {
      const char* in = inputs + half * 64;
      const char* w = weights + half * 2 * kSplit * kWeightBlock;
      LoadInputs(in);
      LoadWeights(w);
      Dot();
      rest();
      LoadWeights(w + kWeightBlock);
      Dot();
      rest();
      LoadInputs(in + 128);
      if (kProducts == 4) {
        Dot();
        rest();
      }
      LoadWeights(w);
      Dot();
      rest();
    }
    Store(sums);
  }
};

#undef TAE_TILE_LOAD
#undef TAE_TILE_STORE
#undef TAE_TILE_ZERO
#undef TAE_TILE_DOT

template <int kProducts, class F>
TAE_INLINE void PositionProduct(const int32_t* inputs, const int32_t* weights,
                                float* sums, int count,
                                BFloatProduct<kProducts> /*product*/,
                                F between) {
  const char* in = reinterpret_cast<const char*>(inputs);
  const char* w = reinterpret_cast<const char*>(weights);
  constexpr int kSide = 4 * kSplit * 1024;
  constexpr int kInputHalf = 16 * kSplit * 128;
  const char* next = in + BFloatProduct<kProducts>::kInputStrideBytes;
  for (int side = 0; side < 2; ++side) {
    if (count > 16)
      TileBlock<kProducts, true>::Run(in, w + side * kSide, sums + side * 32,
                                      next + side * kInputHalf, between);
    else
      TileBlock<kProducts, false>::Run(in, w + side * kSide, sums + side * 32,
                                       next + side * kInputHalf, between);
  }
}

template <int kProducts>
constexpr int ProductParts(int /*count*/,
                           BFloatProduct<kProducts> /*product*/) {
  return 2 * TileBlock<kProducts, true>::kSteps;
}

// Splits a into the low and b into the high halves of each 32 bits of
// to[part * 32]: the first part rounded, the second what that left, rounded.
TAE_INLINE void StoreSplit(Float a, Float b, int32_t* to) {
  const Int half = _mm512_set1_epi32(0x8000);
  const Int x = _mm512_add_epi32(_mm512_castps_si512(a), half);
  const Int y = _mm512_add_epi32(_mm512_castps_si512(b), half);
  StoreInt(to,
           _mm512_mask_blend_epi16(0xAAAAAAAAu, _mm512_srli_epi32(x, 16), y));
  const Int high = _mm512_set1_epi32(int(0xffff0000));
  const auto rest = [&](Float from, Int part) {
    const Float left =
        Sub(from, _mm512_castsi512_ps(_mm512_and_si512(part, high)));
    return _mm512_add_epi32(_mm512_castps_si512(left), half);
  };
  const Int x2 = rest(a, x), y2 = rest(b, y);
  StoreInt(to + 32,
           _mm512_mask_blend_epi16(0xAAAAAAAAu, _mm512_srli_epi32(x2, 16), y2));
}

}  // namespace
}  // namespace tae
