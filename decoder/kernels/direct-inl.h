// Direct 3x3 convolutions on AMX tiles of bytes. A patch of fp16 activations
// is quantised with one scale of its own, found from its largest value, so
// nothing is calibrated. With two parts an activation and a weight are 16 bits,
// each as 256 hi + lo with lo in [-128, 127]: hi * hi and hi * lo + lo * hi are
// summed, lo * lo (2^-17 of the largest product) is left out. With one part, 8
// bits. A patch without negative numbers, as ReLU leaves it, uses hi up to 255.
// No sum leaves an int32: 576 * 2 * 255 * 128 < 2^31.
//
// A tile is 16 pixels of a row by 64 channels, so the taps of a row are the
// same bytes read a pixel further on. While the products of a patch run, the
// vector units finish the sums before them and quantise the patch after it.
// Needs simd_avx512-inl.h before it, and AVX512-FP16 and VBMI.
#include "kernels/packed_layout.h"

namespace tae {
namespace {

constexpr int kBlock = 16;  // pixels of a tile
constexpr int kTileBytes = 1024;

#define TAE_TILE_LOAD(t, p, stride)             \
  asm volatile("tileloadd (%0,%1,1), %%tmm" #t  \
               :                                \
               : "r"(p), "r"(ptrdiff_t{stride}) \
               : "memory")
#define TAE_TILE_STORE(t, p)                       \
  asm volatile("tilestored %%tmm" #t ", (%0,%1,1)" \
               :                                   \
               : "r"(p), "r"(ptrdiff_t{64})        \
               : "memory")
#define TAE_TILE_ZERO(t) asm volatile("tilezero %tmm" #t)
// tmm[c] += tmm[a] * tmm[b]; the high digits of a may be unsigned.
#define TAE_TILE_DOT(c, a, b) \
  asm volatile("tdpbssd %tmm" #b ", %tmm" #a ", %tmm" #c)
#define TAE_TILE_DOT_HIGH(c, a, b)                             \
  do {                                                         \
    if constexpr (kUnsigned)                                   \
      asm volatile("tdpbusd %tmm" #b ", %tmm" #a ", %tmm" #c); \
    else                                                       \
      TAE_TILE_DOT(c, a, b);                                   \
  } while (false)

// Rows x pixels of 64 channels: [part][row][pixel][64].
template <int kParts, int kRows, int kPixels>
struct BytePatch {
  static constexpr int kCount = kRows * kPixels;
  static constexpr int kPart = kCount * kChannels;
  alignas(64) int8_t bytes[kParts * kPart];
  float scale = 1;  // an activation is its number times this
  bool is_unsigned = false;
};

// Turns a patch into bytes, a few pixels a step: in the first half of the steps
// the largest value is looked for, in the second half the numbers are stored.
// A step has no branch that depends on the patch and no division: between the
// products of tiles both cost more than the vectors do.
template <class Patch, int kParts, int kRows, int kPixels>
class PatchQuantiser {
 public:
  // Stored pixels [x, x + kPixels) of rows of `stored` pixels; beyond: zeros.
  // `steps` is even.
  TAE_INLINE void Begin(const void* const* rows, int x, int stored, int steps,
                        Patch* patch) {
    rows_ = rows;
    x_ = x;
    inside_ = stored - x < kPixels ? stored - x : kPixels;
    pixels_ = (2 * Patch::kCount + steps - 1) / steps;
    half_ = (Patch::kCount + pixels_ - 1) / pixels_;
    patch_ = patch;
    largest_ = least_ = _mm512_setzero_si512();
  }

  TAE_INLINE void Step(int step) {
    if (step >= 2 * half_) return;
    const bool look = step < half_;
    if (step == half_) ChooseScale();
    const int first = (look ? step : step - half_) * pixels_;
    for (int i = first; i < first + pixels_; ++i) {
      // The last pixel again, where they do not go into the steps.
      const int pixel = i < Patch::kCount ? i : Patch::kCount - 1;
      look ? Look(pixel) : Quantise(pixel);
    }
  }

  // All at once.
  TAE_INLINE void Run() {
    for (int i = 0; i < Patch::kCount; ++i) Look(i);
    ChooseScale();
    for (int i = 0; i < Patch::kCount; ++i) Quantise(i);
  }

 private:
  TAE_INLINE const uint16_t* Pixel(int i) const {
    alignas(64) static constexpr uint16_t kZeros[kChannels] = {};
    const int row = i / kPixels, column = i % kPixels;
    const auto* at = static_cast<const uint16_t*>(rows_[row]) +
                     size_t(x_ + column) * kChannels;
    return column < inside_ ? at : kZeros;
  }

  // fp16 are ordered as their bits are, each sign by itself.
  TAE_INLINE void Look(int i) {
    const uint16_t* p = Pixel(i);
    const Int a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 32);
    largest_ = _mm512_max_epi16(largest_, _mm512_max_epi16(a, b));
    least_ = _mm512_max_epu16(least_, _mm512_max_epu16(a, b));
  }

  // The largest of 32 unsigned numbers.
  static TAE_INLINE int Largest(Int a) {
    const __m256i b = _mm256_max_epu16(_mm512_castsi512_si256(a),
                                       _mm512_extracti64x4_epi64(a, 1));
    const __m128i c = _mm_max_epu16(_mm256_castsi256_si128(b),
                                    _mm256_extracti128_si256(b, 1));
    const __m128i ones = _mm_set1_epi8(-1);
    return 0xffff &
           ~_mm_cvtsi128_si32(_mm_minpos_epu16(_mm_xor_si128(c, ones)));
  }

  static TAE_INLINE float PowerOf2(int n) {
    const int32_t bits = (127 + n) << 23;
    float power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return power;
  }

  // fp16 with its exponent alone is at least half the value: the shift brings
  // all below 2^15 (unsigned: 2^16), the factor to what the digits can hold.
  TAE_INLINE void ChooseScale() {
    const int below = Largest(least_);  // with its sign, where there are any
    const bool is_unsigned = below < 0x8000;
    int largest = Largest(largest_);
    if (!is_unsigned && below - 0x8000 > largest) largest = below - 0x8000;
    if (largest > 0x7bff) largest = 0x7bff;  // infinities saturate
    // That of a subnormal number is where its first bit stands.
    const int exponent = largest > 0x3ff ? largest >> 10
                         : largest > 0   ? 22 - __builtin_clz(unsigned(largest))
                                         : 1;
    patch_->is_unsigned = is_unsigned_ = is_unsigned;
    const int bits = (kParts == 2 ? 15 : 8) - (is_unsigned ? 0 : 1);
    const int shift = bits + (kParts == 2 ? 15 : 14) - exponent;
    shift_ = _mm512_set1_ph(_Float16(shift));
    if (kParts == 2) {
      // The largest numbers of two digits: 127 * 256 + 127 and 255 * 256 + 127.
      factor_ = _mm512_set1_epi16(int16_t(is_unsigned ? 65407 : 32639));
      patch_->scale = (is_unsigned ? 65536.0f / 65407 : 32768.0f / 32639) *
                      PowerOf2(-shift);
      return;
    }
    // All of 0..255 (or -127..127) is used: the factor is in [1/2, 1].
    const float most = is_unsigned ? 255 : 127;
    const float value = _cvtsh_ss(uint16_t(largest)) * PowerOf2(shift);
    const _Float16 factor = _Float16(value > most / 2 ? most / value : 1);
    fraction_ = _mm512_set1_ph(factor);
    patch_->scale = PowerOf2(-shift) / float(factor);
  }

  TAE_INLINE __m512h Scaled(const uint16_t* p) const {
    return _mm512_scalef_ph(_mm512_castsi512_ph(_mm512_loadu_si512(p)), shift_);
  }

  // 32 numbers of 16 bits.
  TAE_INLINE Int Digits(const uint16_t* p) const {
    if (is_unsigned_)
      return _mm512_mulhi_epu16(_mm512_cvtph_epu16(Scaled(p)), factor_);
    return _mm512_mulhrs_epi16(_mm512_cvtph_epi16(Scaled(p)), factor_);
  }

  TAE_INLINE void Quantise(int i) {
    int8_t* to = patch_->bytes + size_t(i) * kChannels;
    const uint16_t* p = Pixel(i);
    if constexpr (kParts == 2) {
      const Int a = Digits(p), b = Digits(p + 32);
      _mm512_store_si512(to + Patch::kPart, LowBytes(a, b));
      const Int half = _mm512_set1_epi16(128);
      _mm512_store_si512(
          to, HighBytes(_mm512_add_epi16(a, half), _mm512_add_epi16(b, half)));
    } else {
      const Int a = _mm512_cvtph_epi16(_mm512_mul_ph(Scaled(p), fraction_));
      const Int b =
          _mm512_cvtph_epi16(_mm512_mul_ph(Scaled(p + 32), fraction_));
      _mm512_store_si512(to, LowBytes(a, b));
    }
  }

  // Bytes of 32 + 32 numbers of 16 bits, in turns: ByteOfChannel
  // (packed_layout.h).
  static TAE_INLINE Int LowBytes(Int a, Int b) {
    const Int odd = _mm512_slli_epi16(b, 8);
    return _mm512_mask_blend_epi8(0xAAAAAAAAAAAAAAAAu, a, odd);
  }
  static TAE_INLINE Int HighBytes(Int a, Int b) {
    const Int even = _mm512_srli_epi16(a, 8);
    return _mm512_mask_blend_epi8(0xAAAAAAAAAAAAAAAAu, even, b);
  }

  const void* const* rows_ = nullptr;
  int x_ = 0, inside_ = 0;
  int half_ = 1, pixels_ = 0;
  bool is_unsigned_ = false;
  Patch* patch_ = nullptr;
  Int largest_, least_;
  Int factor_;
  __m512h shift_, fraction_;
};

// Sums of two tiles of 16 pixels by 16 outputs that wait to become pixels.
template <int kParts>
struct PendingSums {
  const int32_t* sums = nullptr;  // [tile][part][16 pixels][16 outputs]
  uint16_t* out[2];               // pixel 0 of each tile, or null
  const uint16_t* skip[2];        // or null
  int step = 0;                   // channels from pixel to pixel
  int begin[2], end[2];           // pixels of each tile that are inside
  const float* scale;             // [16] of the outputs
  const float* bias;              // [16]
  float patch_scale = 0;
  float floor = 0;

  // Part `part` of `parts`.
  TAE_INLINE void Finish(int part, int parts) const {
    if (sums == nullptr) return;
    const Float unit = Mul(Load(scale), Set(patch_scale));
    const Float high = Mul(unit, Set(kParts == 2 ? 65536.0f : 1.0f));
    const Float low = Mul(unit, Set(256.0f));
    const Float b = Load(bias), least = Set(floor);
    const int last = (part + 1) * 2 * kBlock / parts;
    for (int k = part * 2 * kBlock / parts; k < last; ++k) {
      const int tile = k / kBlock, i = k % kBlock;
      if (out[tile] == nullptr || i < begin[tile] || i >= end[tile]) continue;
      const int32_t* sum = sums + (tile * kParts * kBlock + i) * 16;
      Float v = MulAdd(ToFloat(LoadInt(sum)), high, b);
      if (kParts == 2) v = MulAdd(ToFloat(LoadInt(sum + kBlock * 16)), low, v);
      const size_t at = size_t(i) * step;
      if (skip[tile] != nullptr) v = Add(v, Load(skip[tile] + at));
      Store(out[tile] + at, Max(v, least));
    }
  }
};

// Products of kTaps taps for two tiles of pixels and 16 outputs. a: bytes of
// the first tile; second: distance to the other's; offset(tap): of a tap's
// pixels. w: [tap][part][1024]. between(tap) runs meanwhile.
template <int kParts, int kTaps, bool kUnsigned, int kPart, class Offset,
          class Between>
TAE_INLINE void TapProducts(const int8_t* a, int second, const int8_t* w,
                            int32_t* sums, Offset offset, Between between) {
  TAE_TILE_ZERO(0);
  TAE_TILE_ZERO(1);
  TAE_TILE_ZERO(2);
  TAE_TILE_ZERO(3);
  TAE_UNROLL for (int tap = 0; tap < kTaps; ++tap) {
    const int8_t* high = a + offset(tap);
    const int8_t* weights = w + tap * kParts * kTileBytes;
    TAE_TILE_LOAD(6, weights, 64);
    TAE_TILE_LOAD(4, high, kChannels);
    TAE_TILE_DOT_HIGH(0, 4, 6);
    TAE_TILE_LOAD(5, high + second, kChannels);
    TAE_TILE_DOT_HIGH(2, 5, 6);
    if constexpr (kParts == 2) {
      TAE_TILE_LOAD(7, weights + kTileBytes, 64);
      TAE_TILE_DOT_HIGH(1, 4, 7);
      TAE_TILE_DOT_HIGH(3, 5, 7);
      TAE_TILE_LOAD(4, high + kPart, kChannels);
      TAE_TILE_DOT(1, 4, 6);
      TAE_TILE_LOAD(5, high + kPart + second, kChannels);
      TAE_TILE_DOT(3, 5, 6);
    }
    between(tap);
  }
  TAE_TILE_STORE(0, sums);
  if constexpr (kParts == 2) TAE_TILE_STORE(1, sums + 256);
  TAE_TILE_STORE(2, sums + kParts * 256);
  if constexpr (kParts == 2) TAE_TILE_STORE(3, sums + 3 * 256);
}

#undef TAE_TILE_LOAD
#undef TAE_TILE_STORE
#undef TAE_TILE_ZERO
#undef TAE_TILE_DOT
#undef TAE_TILE_DOT_HIGH

inline int StoredPixels(int width) {
  return 1 + (width + kTile - 1) / kTile * kTile + 1;
}

// 3x3: blocks of 4 rows x 16 pixels from 6 x 18.
template <int kParts>
class DirectConv {
 public:
  static constexpr int kPatchPixels = kBlock + 2;
  using Patch = BytePatch<kParts, 6, kPatchPixels>;
  struct Scratch {
    Patch patches[2];
    alignas(64) int32_t sums[2][2 * kParts * 256];
  };

  DirectConv(const PackedConv& layer, const ConvTask& task, Scratch* s)
      : layer_(layer), task_(task), s_(*s) {}

  void Run() {
    const int begin = task_.tile_begin * kTile, end = task_.tile_end * kTile;
    const int stored = StoredPixels(task_.width);
    const int steps = Blocks() * 18;
    quantiser_.Begin(task_.in, begin, stored, steps, &s_.patches[0]);
    quantiser_.Run();
    for (int x = begin; x < end; x += kBlock) {
      const Patch& patch = s_.patches[current_];
      more_ = x + kBlock < end;
      current_ ^= 1;
      quantiser_.Begin(task_.in, x + kBlock, stored, steps,
                       &s_.patches[current_]);
      if (patch.is_unsigned)
        Block<true>(patch, x);
      else
        Block<false>(patch, x);
    }
    pending_.Finish(0, 1);
  }

 private:
  static constexpr int kRow = kPatchPixels * kChannels;

  int Blocks() const {
    return task_.skip[0] == nullptr ? layer_.blocks : kChannels / 16;
  }

  template <bool kUnsigned>
  void Block(const Patch& patch, int x) {
    const auto* weights = static_cast<const int8_t*>(layer_.weights);
    const int blocks = Blocks();
    for (int block = 0; block < blocks; ++block)
      for (int row = 0; row < kTile; row += 2) {
        int32_t* sums = s_.sums[buffer_];
        buffer_ ^= 1;
        TapProducts<kParts, 9, kUnsigned, Patch::kPart>(
            patch.bytes + row * kRow, kRow,
            weights + block * 9 * kParts * kTileBytes, sums,
            [](int tap) { return tap / 3 * kRow + tap % 3 * kChannels; },
            [&](int tap) {
              if (more_) quantiser_.Step((block * 2 + row / 2) * 9 + tap);
              pending_.Finish(tap, 9);
            });
        Remember(patch, x, block, row, sums);
      }
    for (int block = blocks; block < kChannels / 16; ++block) Clear(x, block);
  }

  // Outputs that the layer does not have are zeros.
  void Clear(int x, int block) {
    for (int row = 0; row < kTile; ++row) {
      if (task_.out[row] == nullptr) continue;
      auto* out = static_cast<uint16_t*>(task_.out[row]) +
                  size_t(1 + x) * kChannels + block * 16;
      for (int i = 0; i < kBlock && x + i < task_.width; ++i)
        Store(out + size_t(i) * kChannels, Zero());
    }
  }

  void Remember(const Patch& patch, int x, int block, int row,
                const int32_t* sums) {
    const size_t at = size_t(1 + x) * kChannels + block * 16;
    for (int i = 0; i < 2; ++i) {
      auto* out = static_cast<uint16_t*>(task_.out[row + i]);
      auto* skip = static_cast<const uint16_t*>(task_.skip[row + i]);
      pending_.out[i] = out == nullptr ? nullptr : out + at;
      pending_.skip[i] = skip == nullptr ? nullptr : skip + at;
      pending_.begin[i] = 0;
      pending_.end[i] = task_.width - x;
    }
    pending_.sums = sums;
    pending_.step = kChannels;
    pending_.scale = layer_.scale + block * 16;
    pending_.bias = layer_.bias + block * 16;
    pending_.patch_scale = patch.scale;
    pending_.floor = task_.relu ? 0.0f : -__builtin_inff();
  }

  const PackedConv& layer_;
  const ConvTask& task_;
  Scratch& s_;
  PatchQuantiser<Patch, kParts, 6, kPatchPixels> quantiser_;
  PendingSums<kParts> pending_;
  bool more_ = false;
  int current_ = 0, buffer_ = 0;
};

// Upsampling x2 and 3x3: an output pixel has 2x2 different inputs, with sums of
// the weights as taps, one set for each of its four places. Blocks of 8 tiles:
// 4 rows x 32 pixels from 3 x 17.
template <int kParts>
class DirectUpConv {
 public:
  static constexpr int kPatchPixels = kBlock + 1;
  using Patch = BytePatch<kParts, 3, kPatchPixels>;
  struct Scratch {
    Patch patches[2];
    alignas(64) int32_t sums[2][2 * kParts * 256];
  };

  DirectUpConv(const PackedUpConv& layer, const UpConvTask& task, Scratch* s)
      : layer_(layer), task_(task), s_(*s) {}

  void Run() {
    constexpr int kTiles = kBlock / 2;
    const int stored = StoredPixels(task_.in_width);
    quantiser_.Begin(task_.in, 2 * task_.tile_begin, stored, kSteps,
                     &s_.patches[0]);
    quantiser_.Run();
    for (int tile = task_.tile_begin; tile < task_.tile_end; tile += kTiles) {
      const Patch& patch = s_.patches[current_];
      more_ = tile + kTiles < task_.tile_end;
      current_ ^= 1;
      quantiser_.Begin(task_.in, 2 * (tile + kTiles), stored, kSteps,
                       &s_.patches[current_]);
      if (patch.is_unsigned)
        Block<true>(patch, tile);
      else
        Block<false>(patch, tile);
    }
    pending_.Finish(0, 1);
  }

 private:
  static constexpr int kRow = kPatchPixels * kChannels;
  static constexpr int kSteps = 64;

  // Rows 4t-1 and 4t+1 are the second of their pair (place 0), 4t and 4t+2 the
  // first; so with columns.
  template <bool kUnsigned>
  void Block(const Patch& patch, int tile) {
    const auto* weights = static_cast<const int8_t*>(layer_.weights);
    for (int part = 0; part < 16; ++part) {
      const int block = part / 4, place = part % 4;
      int32_t* sums = s_.sums[buffer_];
      buffer_ ^= 1;
      TapProducts<kParts, 4, kUnsigned, Patch::kPart>(
          patch.bytes, kRow, weights + part * 4 * kParts * kTileBytes, sums,
          [](int tap) { return tap / 2 * kRow + tap % 2 * kChannels; },
          [&](int tap) {
            if (more_) quantiser_.Step(part * 4 + tap);
            pending_.Finish(tap, 4);
          });
      Remember(patch, tile, block, place, sums);
    }
  }

  void Remember(const Patch& patch, int tile, int block, int place,
                const int32_t* sums) {
    // The tile's pixels are every second of the row, from this column on.
    const int column = 4 * tile - 1 + place % 2;
    const int inside = (2 * task_.in_width - column + 1) / 2;
    for (int i = 0; i < 2; ++i) {
      auto* out = static_cast<uint16_t*>(task_.out[2 * i + place / 2]);
      pending_.out[i] = out == nullptr
                            ? nullptr
                            : out + size_t(1 + column) * kChannels + block * 16;
      pending_.skip[i] = nullptr;
      pending_.begin[i] = column < 0 ? 1 : 0;
      pending_.end[i] = inside;
    }
    pending_.sums = sums;
    pending_.step = 2 * kChannels;
    pending_.scale = layer_.scale + block * 16;
    pending_.bias = layer_.bias + block * 16;
    pending_.patch_scale = patch.scale;
    pending_.floor = task_.relu ? 0.0f : -__builtin_inff();
  }

  const PackedUpConv& layer_;
  const UpConvTask& task_;
  Scratch& s_;
  PatchQuantiser<Patch, kParts, 3, kPatchPixels> quantiser_;
  PendingSums<kParts> pending_;
  bool more_ = false;
  int current_ = 0, buffer_ = 0;
};

template <int kParts>
void ConvDirect(const PackedLayer* layer, const ConvTask& task, void* scratch) {
  using Conv = DirectConv<kParts>;
  const TileRegisters registers;
  Conv(*reinterpret_cast<const PackedConv*>(layer), task,
       static_cast<typename Conv::Scratch*>(scratch))
      .Run();
}

template <int kParts>
void UpConvDirect(const PackedLayer* layer, const UpConvTask& task,
                  void* scratch) {
  using Conv = DirectUpConv<kParts>;
  const TileRegisters registers;
  Conv(*reinterpret_cast<const PackedUpConv*>(layer), task,
       static_cast<typename Conv::Scratch*>(scratch))
      .Run();
}

}  // namespace
}  // namespace tae
