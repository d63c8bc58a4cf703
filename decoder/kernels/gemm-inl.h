// The products of all kernels: kRows rows of inputs times 64 outputs, with
// kRows x kCols accumulators in registers. Units are pairs of int16 or floats.
// Needs a simd_*-inl.h before it.
namespace tae {
namespace {

// One product's types: what is loaded, broadcast, accumulated.
struct Int16Product {
  using Unit = int32_t;  // a pair of int16
  using Sum = Int;
  using SumUnit = int32_t;
  static constexpr int kUnits = kChannels / 2;  // inputs of 64 channels
  static TAE_INLINE Sum ZeroSum() { return ZeroInt(); }
  static TAE_INLINE Int LoadUnits(const Unit* p) { return LoadInt(p); }
  static TAE_INLINE Int Broadcast(const Unit* p) { return BroadcastInt(p); }
  static TAE_INLINE Sum Dot(Sum s, Int a, Int b) { return DotPairs(s, a, b); }
  static TAE_INLINE Sum LoadSum(const SumUnit* p) { return LoadInt(p); }
  static TAE_INLINE void StoreSum(SumUnit* p, Sum s) { StoreInt(p, s); }
  static TAE_INLINE Sum AddSum(Sum a, Sum b) { return AddInt(a, b); }
};

struct FloatProduct {
  using Unit = float;
  using Sum = Float;
  using SumUnit = float;
  static constexpr int kUnits = kChannels;
  static TAE_INLINE Sum ZeroSum() { return Zero(); }
  static TAE_INLINE Float LoadUnits(const Unit* p) { return Load(p); }
  static TAE_INLINE Float Broadcast(const Unit* p) { return Set(*p); }
  static TAE_INLINE Sum Dot(Sum s, Float a, Float b) { return MulAdd(a, b, s); }
  static TAE_INLINE Sum LoadSum(const SumUnit* p) { return Load(p); }
  static TAE_INLINE void StoreSum(SumUnit* p, Sum s) { Store(p, s); }
  static TAE_INLINE Sum AddSum(Sum a, Sum b) { return Add(a, b); }
};

// sums[row][out] = inputs[row][units] * weights[units][out] for kRows rows and
// kCols vectors of outputs. Strides in units. `next` is brought into the first
// cache meanwhile, one line for each of `units`, and so are the sums' lines.
template <class P, int kRows, int kCols>
TAE_INLINE void GemmBlock(const typename P::Unit* inputs, int units,
                          int input_stride, const typename P::Unit* weights,
                          int weight_stride, typename P::SumUnit* sums,
                          int sum_stride, const char* next) {
  typename P::Sum acc[kRows][kCols];
  TAE_UNROLL for (int r = 0; r < kRows; ++r)
    TAE_UNROLL for (int c = 0; c < kCols; ++c) {
      acc[r][c] = P::ZeroSum();
      PrefetchSoonWrite(sums + r * sum_stride + c * kLanes);
    }
  for (int k = 0; k < units; ++k) {
    decltype(P::LoadUnits(weights)) w[kCols];
    TAE_UNROLL for (int c = 0; c < kCols; ++c)
      w[c] = P::LoadUnits(weights + c * kLanes);
    weights += weight_stride;
    PrefetchSoon(next + k * 64);
    TAE_UNROLL for (int r = 0; r < kRows; ++r) {
      const auto x = P::Broadcast(inputs + r * input_stride + k);
      TAE_UNROLL for (int c = 0; c < kCols; ++c)
        acc[r][c] = P::Dot(acc[r][c], w[c], x);
    }
  }
  TAE_UNROLL for (int r = 0; r < kRows; ++r)
    TAE_UNROLL for (int c = 0; c < kCols; ++c)
      P::StoreSum(sums + r * sum_stride + c * kLanes, acc[r][c]);
}

// As above for all 64 outputs of 64 channels, dense. next: as many bytes as a
// part `part` of `parts` of the weights of the next position.
template <class P>
TAE_INLINE void Gemm64(const typename P::Unit* inputs,
                       const typename P::Unit* weights,
                       typename P::SumUnit* sums, const char* next) {
  for (int out = 0; out < kChannels; out += kGemmCols * kLanes)
    GemmBlock<P, kGemmRows, kGemmCols>(inputs, P::kUnits, P::kUnits,
                                       weights + out, kChannels, sums + out,
                                       kChannels, next);
}

}  // namespace
}  // namespace tae
