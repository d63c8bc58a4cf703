// As simd_avx512-inl.h, for AVX2 with FMA and F16C. With TAE_AVX_VNNI the
// products of pairs are one instruction instead of two.
#include <immintrin.h>

#include <cstdint>

#define TAE_INLINE __attribute__((always_inline)) inline
#define TAE_NOINLINE __attribute__((noinline))
#define TAE_UNROLL _Pragma("GCC unroll 64")

namespace tae {
namespace {

constexpr int kLanes = 8;
constexpr int kGemmRows = 6;
constexpr int kGemmCols = 2;

using Float = __m256;
using Int = __m256i;

TAE_INLINE Float Set(float x) { return _mm256_set1_ps(x); }
TAE_INLINE Float Zero() { return _mm256_setzero_ps(); }
TAE_INLINE Float Load(const float* p) { return _mm256_loadu_ps(p); }
TAE_INLINE Float Load(const uint16_t* p) {  // fp16
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
}
TAE_INLINE void Store(float* p, Float x) { _mm256_storeu_ps(p, x); }
TAE_INLINE void Store(uint16_t* p, Float x) {
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
TAE_INLINE Float Add(Float a, Float b) { return _mm256_add_ps(a, b); }
TAE_INLINE Float Sub(Float a, Float b) { return _mm256_sub_ps(a, b); }
TAE_INLINE Float Mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
TAE_INLINE Float Div(Float a, Float b) { return _mm256_div_ps(a, b); }
TAE_INLINE Float MulAdd(Float a, Float b, Float c) {
  return _mm256_fmadd_ps(a, b, c);
}
TAE_INLINE Float NegMulAdd(Float a, Float b, Float c) {
  return _mm256_fnmadd_ps(a, b, c);
}
TAE_INLINE Float Max(Float a, Float b) { return _mm256_max_ps(a, b); }
TAE_INLINE Float Min(Float a, Float b) { return _mm256_min_ps(a, b); }
TAE_INLINE Float Abs(Float a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
TAE_INLINE Float MaxAbs(Float a, Float b) { return _mm256_max_ps(a, Abs(b)); }
TAE_INLINE float ReduceMax(Float a) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  x = _mm_max_ss(x, _mm_shuffle_ps(x, x, 1));
  return _mm_cvtss_f32(x);
}
TAE_INLINE float ReduceAdd(Float a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  x = _mm_add_ss(x, _mm_shuffle_ps(x, x, 1));
  return _mm_cvtss_f32(x);
}
TAE_INLINE Float Select(Float test_less, Float than, Float yes, Float no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(test_less, than, _CMP_LT_OQ));
}
TAE_INLINE Float Round(Float a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
TAE_INLINE Float PowerOfTwo(Float n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(
      _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}

TAE_INLINE Int ZeroInt() { return _mm256_setzero_si256(); }
TAE_INLINE Int LoadInt(const int32_t* p) {
  return _mm256_loadu_si256((const __m256i*)p);
}
TAE_INLINE void StoreInt(int32_t* p, Int x) {
  _mm256_storeu_si256((__m256i*)p, x);
}
TAE_INLINE Int AddInt(Int a, Int b) { return _mm256_add_epi32(a, b); }
TAE_INLINE Int BroadcastInt(const int32_t* p) { return _mm256_set1_epi32(*p); }
TAE_INLINE Int Truncate(Float a) { return _mm256_cvttps_epi32(a); }
TAE_INLINE Int ShiftLeft(Int a, int bits) {
  return _mm256_sll_epi32(a, _mm_cvtsi32_si128(bits));
}
TAE_INLINE Float ToFloat(Int a) { return _mm256_cvtepi32_ps(a); }
TAE_INLINE Float ToFloat(Float a) { return a; }

// Not intrinsics: as in simd_avx512-inl.h.
TAE_INLINE Int DotPairs(Int sum, Int a, Int b) {
#if defined(TAE_AVX_VNNI)
  asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
#else
  Int products;
  asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
      : "+x"(sum), "=x"(products)
      : "x"(a), "x"(b));
#endif
  return sum;
}

TAE_INLINE Int QuantisePair(Float a, Float b, Float scale) {
  const Float magic = _mm256_set1_ps(12582912.0f);
  const Int low = _mm256_castps_si256(_mm256_fmadd_ps(a, scale, magic));
  const Int high = _mm256_slli_epi32(
      _mm256_castps_si256(_mm256_fmadd_ps(b, scale, magic)), 16);
  return _mm256_blend_epi16(low, high, 0xAA);
}

// rows[i][j] -> rows[j][i] of an 8x8 square of 32-bit numbers.
TAE_INLINE void Transpose(Int* r) {
  Int t[8];
  TAE_UNROLL for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  TAE_UNROLL for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  TAE_UNROLL for (int i = 0; i < 4; ++i) {
    t[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
    t[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
  }
  TAE_UNROLL for (int i = 0; i < 8; ++i) r[i] = t[i];
}

TAE_INLINE void PrefetchSoon(const void* p) { __builtin_prefetch(p, 0, 3); }
TAE_INLINE void PrefetchSoonWrite(const void* p) {
  __builtin_prefetch(p, 1, 3);
}
TAE_INLINE void PrefetchRead(const void* p) { __builtin_prefetch(p, 0, 2); }
TAE_INLINE void PrefetchWrite(const void* p) { __builtin_prefetch(p, 1, 2); }

}  // namespace
}  // namespace tae
