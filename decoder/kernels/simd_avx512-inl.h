// The few vector operations that the kernels are written in, for AVX-512.
// An -inl.h file is included once per instruction set, into an unnamed
// namespace of a translation unit compiled for it; nothing of it may be seen by
// baseline code, or the linker could hand that an illegal instruction.
#include <immintrin.h>

#include <cstdint>

#define TAE_INLINE __attribute__((always_inline)) inline
#define TAE_NOINLINE __attribute__((noinline))
#define TAE_UNROLL _Pragma("GCC unroll 64")

namespace tae {
namespace {

constexpr int kLanes = 16;
constexpr int kGemmRows = 6;  // tiles x output vectors in registers
constexpr int kGemmCols = 4;

using Float = __m512;
using Int = __m512i;

TAE_INLINE Float Set(float x) { return _mm512_set1_ps(x); }
TAE_INLINE Float Zero() { return _mm512_setzero_ps(); }
TAE_INLINE Float Load(const float* p) { return _mm512_loadu_ps(p); }
TAE_INLINE Float Load(const uint16_t* p) {  // fp16
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
}
TAE_INLINE void Store(float* p, Float x) { _mm512_storeu_ps(p, x); }
TAE_INLINE void Store(uint16_t* p, Float x) {
  _mm256_storeu_si256(
      (__m256i*)p,
      _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
TAE_INLINE Float Add(Float a, Float b) { return _mm512_add_ps(a, b); }
TAE_INLINE Float Sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
TAE_INLINE Float Mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
TAE_INLINE Float Div(Float a, Float b) { return _mm512_div_ps(a, b); }
// a * b + c; c - a * b.
TAE_INLINE Float MulAdd(Float a, Float b, Float c) {
  return _mm512_fmadd_ps(a, b, c);
}
TAE_INLINE Float NegMulAdd(Float a, Float b, Float c) {
  return _mm512_fnmadd_ps(a, b, c);
}
// Of a NaN and b: b.
TAE_INLINE Float Max(Float a, Float b) { return _mm512_max_ps(a, b); }
TAE_INLINE Float Min(Float a, Float b) { return _mm512_min_ps(a, b); }
TAE_INLINE Float Abs(Float a) { return _mm512_abs_ps(a); }
// max(a, |b|) of a >= 0.
TAE_INLINE Float MaxAbs(Float a, Float b) {
  return _mm512_range_ps(a, b, 0x0b);
}
TAE_INLINE float ReduceMax(Float a) { return _mm512_reduce_max_ps(a); }
TAE_INLINE float ReduceAdd(Float a) { return _mm512_reduce_add_ps(a); }
TAE_INLINE Float Select(Float test_less, Float than, Float yes, Float no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(test_less, than, _CMP_LT_OQ),
                              no, yes);
}
TAE_INLINE Float Round(Float a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT);
}
// 2^n of whole numbers in [-126, 127].
TAE_INLINE Float PowerOfTwo(Float n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(
      _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}

TAE_INLINE Int ZeroInt() { return _mm512_setzero_si512(); }
TAE_INLINE Int LoadInt(const int32_t* p) { return _mm512_loadu_si512(p); }
TAE_INLINE void StoreInt(int32_t* p, Int x) { _mm512_storeu_si512(p, x); }
TAE_INLINE Int AddInt(Int a, Int b) { return _mm512_add_epi32(a, b); }
TAE_INLINE Int BroadcastInt(const int32_t* p) { return _mm512_set1_epi32(*p); }
TAE_INLINE Int Truncate(Float a) { return _mm512_cvttps_epi32(a); }
TAE_INLINE Int ShiftLeft(Int a, int bits) {
  return _mm512_sll_epi32(a, _mm_cvtsi32_si128(bits));
}
TAE_INLINE Float ToFloat(Int a) { return _mm512_cvtepi32_ps(a); }
TAE_INLINE Float ToFloat(Float a) { return a; }

// sum + the dot products of the pairs of int16 in a and b. From intrinsics g++
// 12 makes loops that spill their accumulators in every round.
TAE_INLINE Int DotPairs(Int sum, Int a, Int b) {
#if defined(__AVX512VNNI__)
  asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
#else
  Int products;
  asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
      : "+v"(sum), "=v"(products)
      : "v"(a), "v"(b));
#endif
  return sum;
}

// round(a * scale) in the low and round(b * scale) in the high halves of each
// 32 bits; |products| < 2^15. Adding 1.5 * 2^23 leaves the rounded number in
// the low bits of a float.
TAE_INLINE Int QuantisePair(Float a, Float b, Float scale) {
  const Float magic = _mm512_set1_ps(12582912.0f);
  const Int low = _mm512_castps_si512(_mm512_fmadd_ps(a, scale, magic));
  const Int high = _mm512_castps_si512(_mm512_fmadd_ps(b, scale, magic));
  // The low half of each 32 bits to the high one.
  const Int up =
      _mm512_set4_epi32(0x0d0c0d0c, 0x09080908, 0x05040504, 0x01000100);
  return _mm512_mask_shuffle_epi8(low, 0xCCCCCCCCCCCCCCCCu, high, up);
}

// rows[i][j] -> rows[j][i] of a 16x16 square of 32-bit numbers.
TAE_INLINE void Transpose(Int* r) {
  Int t[16];
  TAE_UNROLL for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  TAE_UNROLL for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  TAE_UNROLL for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  TAE_UNROLL for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

TAE_INLINE void PrefetchSoon(const void* p) { __builtin_prefetch(p, 0, 3); }
TAE_INLINE void PrefetchSoonWrite(const void* p) {
  __builtin_prefetch(p, 1, 3);
}
TAE_INLINE void PrefetchRead(const void* p) { __builtin_prefetch(p, 0, 2); }
TAE_INLINE void PrefetchWrite(const void* p) { __builtin_prefetch(p, 1, 2); }

}  // namespace
}  // namespace tae
