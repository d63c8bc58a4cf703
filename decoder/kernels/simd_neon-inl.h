// As simd_avx512-inl.h, for AArch64: Advanced SIMD with its fp16 conversions,
// which every AArch64 CPU has.
#include <arm_neon.h>

#include <cstdint>

#define TAE_INLINE __attribute__((always_inline)) inline
#define TAE_NOINLINE __attribute__((noinline))
#define TAE_UNROLL _Pragma("GCC unroll 64")

namespace tae {
namespace {

constexpr int kLanes = 4;
constexpr int kGemmRows = 6;
constexpr int kGemmCols = 4;

using Float = float32x4_t;
using Int = int32x4_t;

TAE_INLINE Float Set(float x) { return vdupq_n_f32(x); }
TAE_INLINE Float Zero() { return vdupq_n_f32(0); }
TAE_INLINE Float Load(const float* p) { return vld1q_f32(p); }
TAE_INLINE Float Load(const uint16_t* p) {  // fp16
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
TAE_INLINE void Store(float* p, Float x) { vst1q_f32(p, x); }
TAE_INLINE void Store(uint16_t* p, Float x) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}
TAE_INLINE Float Add(Float a, Float b) { return vaddq_f32(a, b); }
TAE_INLINE Float Sub(Float a, Float b) { return vsubq_f32(a, b); }
TAE_INLINE Float Mul(Float a, Float b) { return vmulq_f32(a, b); }
TAE_INLINE Float Div(Float a, Float b) { return vdivq_f32(a, b); }
TAE_INLINE Float MulAdd(Float a, Float b, Float c) {
  return vfmaq_f32(c, a, b);
}
TAE_INLINE Float NegMulAdd(Float a, Float b, Float c) {
  return vfmsq_f32(c, a, b);
}
TAE_INLINE Float Max(Float a, Float b) { return vmaxnmq_f32(a, b); }
TAE_INLINE Float Min(Float a, Float b) { return vminq_f32(a, b); }
TAE_INLINE Float Abs(Float a) { return vabsq_f32(a); }
TAE_INLINE Float MaxAbs(Float a, Float b) { return vmaxq_f32(a, Abs(b)); }
TAE_INLINE float ReduceMax(Float a) { return vmaxvq_f32(a); }
TAE_INLINE float ReduceAdd(Float a) { return vaddvq_f32(a); }
TAE_INLINE Float Select(Float test_less, Float than, Float yes, Float no) {
  return vbslq_f32(vcltq_f32(test_less, than), yes, no);
}
TAE_INLINE Float Round(Float a) { return vrndnq_f32(a); }
TAE_INLINE Float PowerOfTwo(Float n) {
  return vreinterpretq_f32_s32(
      vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
}

TAE_INLINE Int ZeroInt() { return vdupq_n_s32(0); }
TAE_INLINE Int LoadInt(const int32_t* p) { return vld1q_s32(p); }
TAE_INLINE void StoreInt(int32_t* p, Int x) { vst1q_s32(p, x); }
TAE_INLINE Int AddInt(Int a, Int b) { return vaddq_s32(a, b); }
TAE_INLINE Int BroadcastInt(const int32_t* p) { return vdupq_n_s32(*p); }
TAE_INLINE Int Truncate(Float a) { return vcvtq_s32_f32(a); }
TAE_INLINE Int ShiftLeft(Int a, int bits) {
  return vshlq_s32(a, vdupq_n_s32(bits));
}
TAE_INLINE Float ToFloat(Int a) { return vcvtq_f32_s32(a); }
TAE_INLINE Float ToFloat(Float a) { return a; }

// Products of the even and of the odd int16, each widened.
TAE_INLINE Int DotPairs(Int sum, Int a, Int b) {
  const int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);
  const int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y));
  const int32x4_t high = vmull_high_s16(x, y);
  return vaddq_s32(sum, vpaddq_s32(low, high));
}

TAE_INLINE Int QuantisePair(Float a, Float b, Float scale) {
  const Int low = vcvtnq_s32_f32(vmulq_f32(a, scale));
  const Int high = vcvtnq_s32_f32(vmulq_f32(b, scale));
  return vsliq_n_s32(low, high, 16);
}

// rows[i][j] -> rows[j][i] of a 4x4 square of 32-bit numbers.
TAE_INLINE void Transpose(Int* r) {
  const int32x4x2_t a = vtrnq_s32(r[0], r[1]), b = vtrnq_s32(r[2], r[3]);
  r[0] = vcombine_s32(vget_low_s32(a.val[0]), vget_low_s32(b.val[0]));
  r[1] = vcombine_s32(vget_low_s32(a.val[1]), vget_low_s32(b.val[1]));
  r[2] = vcombine_s32(vget_high_s32(a.val[0]), vget_high_s32(b.val[0]));
  r[3] = vcombine_s32(vget_high_s32(a.val[1]), vget_high_s32(b.val[1]));
}

TAE_INLINE void PrefetchSoon(const void* p) { __builtin_prefetch(p, 0, 3); }
TAE_INLINE void PrefetchSoonWrite(const void* p) {
  __builtin_prefetch(p, 1, 3);
}
TAE_INLINE void PrefetchRead(const void* p) { __builtin_prefetch(p, 0, 2); }
TAE_INLINE void PrefetchWrite(const void* p) { __builtin_prefetch(p, 1, 2); }

}  // namespace
}  // namespace tae
