// The operations of decoder/kernels/simd_avx2-inl.h on Google Highway, for the
// instruction set that the translation unit is compiled for. bench_highway asks
// what the same kernels take on either.
#define HWY_COMPILE_ONLY_STATIC
#include <hwy/highway.h>

#include <cstdint>

#define TAE_INLINE __attribute__((always_inline)) inline
#define TAE_NOINLINE __attribute__((noinline))
#define TAE_UNROLL _Pragma("GCC unroll 64")

namespace tae {
namespace {

namespace hw = hwy::HWY_NAMESPACE;

constexpr hw::ScalableTag<float> kFloats;
constexpr hw::RebindToSigned<hw::ScalableTag<float>> kInts;
constexpr hw::Rebind<hwy::float16_t, hw::ScalableTag<float>> kHalves;
constexpr hw::Repartition<int16_t, decltype(kInts)> kShorts;

// Types of our own: the kernels' calls shall not find Highway's functions.
struct Float {
  hw::Vec<decltype(kFloats)> v;
};
struct Int {
  hw::Vec<decltype(kInts)> v;
};

constexpr int kLanes = HWY_MAX_BYTES / 4;
constexpr int kGemmRows = 6;
constexpr int kGemmCols = kLanes / 4;

TAE_INLINE Float Set(float x) { return {hw::Set(kFloats, x)}; }
TAE_INLINE Float Zero() { return {hw::Zero(kFloats)}; }
TAE_INLINE Float Load(const float* p) { return {hw::LoadU(kFloats, p)}; }
TAE_INLINE Float Load(const uint16_t* p) {  // fp16
  return {hw::PromoteTo(kFloats, hw::LoadU(kHalves, (const hwy::float16_t*)p))};
}
TAE_INLINE void Store(float* p, Float x) { hw::StoreU(x.v, kFloats, p); }
TAE_INLINE void Store(uint16_t* p, Float x) {
  hw::StoreU(hw::DemoteTo(kHalves, x.v), kHalves, (hwy::float16_t*)p);
}
TAE_INLINE Float Add(Float a, Float b) { return {hw::Add(a.v, b.v)}; }
TAE_INLINE Float Sub(Float a, Float b) { return {hw::Sub(a.v, b.v)}; }
TAE_INLINE Float Mul(Float a, Float b) { return {hw::Mul(a.v, b.v)}; }
TAE_INLINE Float Div(Float a, Float b) { return {hw::Div(a.v, b.v)}; }
TAE_INLINE Float MulAdd(Float a, Float b, Float c) {
  return {hw::MulAdd(a.v, b.v, c.v)};
}
TAE_INLINE Float NegMulAdd(Float a, Float b, Float c) {
  return {hw::NegMulAdd(a.v, b.v, c.v)};
}
TAE_INLINE Float Max(Float a, Float b) { return {hw::Max(a.v, b.v)}; }
TAE_INLINE Float Min(Float a, Float b) { return {hw::Min(a.v, b.v)}; }
TAE_INLINE Float Abs(Float a) { return {hw::Abs(a.v)}; }
TAE_INLINE Float MaxAbs(Float a, Float b) {
  return {hw::Max(a.v, hw::Abs(b.v))};
}
TAE_INLINE float ReduceMax(Float a) {
  return hw::GetLane(hw::MaxOfLanes(kFloats, a.v));
}
TAE_INLINE float ReduceAdd(Float a) {
  return hw::GetLane(hw::SumOfLanes(kFloats, a.v));
}
TAE_INLINE Float Select(Float test_less, Float than, Float yes, Float no) {
  return {hw::IfThenElse(hw::Lt(test_less.v, than.v), yes.v, no.v)};
}
TAE_INLINE Float Round(Float a) { return {hw::Round(a.v)}; }
TAE_INLINE Float PowerOfTwo(Float n) {
  return {hw::BitCast(kFloats, hw::ShiftLeft<23>(hw::Add(
                                   hw::NearestInt(n.v), hw::Set(kInts, 127))))};
}

TAE_INLINE Int ZeroInt() { return {hw::Zero(kInts)}; }
TAE_INLINE Int LoadInt(const int32_t* p) { return {hw::LoadU(kInts, p)}; }
TAE_INLINE void StoreInt(int32_t* p, Int x) { hw::StoreU(x.v, kInts, p); }
TAE_INLINE Int AddInt(Int a, Int b) { return {hw::Add(a.v, b.v)}; }
TAE_INLINE Int BroadcastInt(const int32_t* p) { return {hw::Set(kInts, *p)}; }
TAE_INLINE Int Truncate(Float a) { return {hw::ConvertTo(kInts, a.v)}; }
TAE_INLINE Int ShiftLeft(Int a, int bits) {
  return {hw::ShiftLeftSame(a.v, bits)};
}
TAE_INLINE Float ToFloat(Int a) { return {hw::ConvertTo(kFloats, a.v)}; }
TAE_INLINE Float ToFloat(Float a) { return a; }

TAE_INLINE Int DotPairs(Int sum, Int a, Int b) {
  auto unused = hw::Zero(kInts);
  return {hw::ReorderWidenMulAccumulate(kInts, hw::BitCast(kShorts, a.v),
                                        hw::BitCast(kShorts, b.v), sum.v,
                                        unused)};
}

TAE_INLINE Int QuantisePair(Float a, Float b, Float scale) {
  const auto magic = hw::Set(kFloats, 12582912.0f);
  const auto low = hw::BitCast(kShorts, hw::MulAdd(a.v, scale.v, magic));
  const auto high =
      hw::ShiftLeft<16>(hw::BitCast(kInts, hw::MulAdd(b.v, scale.v, magic)));
  return {hw::BitCast(kInts, hw::OddEven(hw::BitCast(kShorts, high), low))};
}

// Through memory: not among what is measured.
TAE_INLINE void Transpose(Int* r) {
  int32_t square[kLanes][kLanes], turned[kLanes][kLanes];
  for (int i = 0; i < kLanes; ++i) StoreInt(square[i], r[i]);
  for (int i = 0; i < kLanes; ++i)
    for (int j = 0; j < kLanes; ++j) turned[j][i] = square[i][j];
  for (int i = 0; i < kLanes; ++i) r[i] = LoadInt(turned[i]);
}

TAE_INLINE void PrefetchSoon(const void* p) { __builtin_prefetch(p, 0, 3); }
TAE_INLINE void PrefetchSoonWrite(const void* p) {
  __builtin_prefetch(p, 1, 3);
}
TAE_INLINE void PrefetchRead(const void* p) { __builtin_prefetch(p, 0, 2); }
TAE_INLINE void PrefetchWrite(const void* p) { __builtin_prefetch(p, 1, 2); }

}  // namespace
}  // namespace tae
