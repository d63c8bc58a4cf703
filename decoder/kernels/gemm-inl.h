// The products of all kernels: kRows rows of inputs times 64 outputs, with
// kRows x kCols accumulators in registers. Units are pairs of int16 or floats.
// Needs a simd_*-inl.h before it.
namespace tae {
namespace {

// One product's types: what is loaded, broadcast, accumulated; how many tiles a
// chunk has (a multiple of kGemmRows).
struct Int16Product {
  static constexpr int kChunkTiles = 24;
  using Unit = int32_t;  // a pair of int16
  using Sum = Int;
  using SumUnit = int32_t;
  static constexpr int kUnits = kChannels / 2;  // inputs of 64 channels
  static constexpr int kWeightUnits = kUnits * kChannels;  // of a position
  static TAE_INLINE Sum ZeroSum() { return ZeroInt(); }
  static TAE_INLINE Int LoadUnits(const Unit* p) { return LoadInt(p); }
  static TAE_INLINE Int Broadcast(const Unit* p) { return BroadcastInt(p); }
  static TAE_INLINE Sum Dot(Sum s, Int a, Int b) { return DotPairs(s, a, b); }
  static TAE_INLINE Sum LoadSum(const SumUnit* p) { return LoadInt(p); }
  static TAE_INLINE void StoreSum(SumUnit* p, Sum s) { StoreInt(p, s); }
  static TAE_INLINE Sum AddSum(Sum a, Sum b) { return AddInt(a, b); }
};

struct FloatProduct {
  static constexpr int kChunkTiles = 24;
  using Unit = float;
  using Sum = Float;
  using SumUnit = float;
  static constexpr int kUnits = kChannels;
  static constexpr int kWeightUnits = kUnits * kChannels;
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
    TAE_UNROLL for (int c = 0; c < kCols; ++c) w[c] =
        P::LoadUnits(weights + c * kLanes);
    weights += weight_stride;
    PrefetchSoon(next + k * 64);
    TAE_UNROLL for (int r = 0; r < kRows; ++r) {
      const auto x = P::Broadcast(inputs + r * input_stride + k);
      TAE_UNROLL for (int c = 0; c < kCols; ++c) acc[r][c] =
          P::Dot(acc[r][c], w[c], x);
    }
  }
  TAE_UNROLL for (int r = 0; r < kRows; ++r)
      TAE_UNROLL for (int c = 0; c < kCols; ++c)
          P::StoreSum(sums + r * sum_stride + c * kLanes, acc[r][c]);
}

// One position of a chunk of `count` tiles: sums[tile][64] = inputs[tile][64] *
// weights, dense. The weights of the next position are expected to follow.
// Calls between() some times on the way, ProductParts(count) in all.
template <class P, class F>
TAE_INLINE void PositionProduct(const typename P::Unit* inputs,
                                const typename P::Unit* weights,
                                typename P::SumUnit* sums, int count,
                                P /*product*/, F between) {
  const char* next = reinterpret_cast<const char*>(weights + P::kWeightUnits);
  for (int tile = 0; tile < count; tile += kGemmRows) {
    for (int out = 0; out < kChannels; out += kGemmCols * kLanes)
      GemmBlock<P, kGemmRows, kGemmCols>(
          inputs + tile * P::kUnits, P::kUnits, P::kUnits, weights + out,
          kChannels, sums + tile * kChannels + out, kChannels, next);
    next += P::kUnits * 64;
    between();
  }
}

template <class P>
constexpr int ProductParts(int count, P /*product*/) {
  return (count + kGemmRows - 1) / kGemmRows;
}

}  // namespace
}  // namespace tae
