// The latent into activations: soft clamp 3 tanh(z / 3), planar to NHWC.
// Needs simd_*-inl.h before it.
namespace tae {
namespace {

// e^x for x in [-87, 0], relative error about 1e-7: 2^n e^r with |r| <=
// ln(2)/2, Taylor's series to r^7.
TAE_INLINE Float Exp(Float x) {
  const Float n = Round(Mul(x, Set(1.44269504f)));
  // ln(2) in two parts, so that n times the first is exact.
  const Float r =
      NegMulAdd(n, Set(-2.12194440e-4f), NegMulAdd(n, Set(0.693359375f), x));
  Float p = Set(1.0f / 5040);
  p = MulAdd(p, r, Set(1.0f / 720));
  p = MulAdd(p, r, Set(1.0f / 120));
  p = MulAdd(p, r, Set(1.0f / 24));
  p = MulAdd(p, r, Set(1.0f / 6));
  p = MulAdd(p, r, Set(0.5f));
  p = MulAdd(p, r, Set(1.0f));
  p = MulAdd(p, r, Set(1.0f));
  return Mul(p, PowerOfTwo(n));
}

// tanh(y) = (1 - e) / (1 + e), e = exp(-2 |y|); Taylor's series near 0, where
// that would cancel.
TAE_INLINE Float Tanh(Float y) {
  const Float a = Min(Abs(y), Set(10.0f));
  const Float e = Exp(Mul(a, Set(-2.0f)));
  const Float far = Div(Sub(Set(1.0f), e), Add(Set(1.0f), e));
  const Float y2 = Mul(a, a);
  const Float series =
      MulAdd(MulAdd(Set(2.0f / 15), y2, Set(-1.0f / 3)), Mul(y2, a), a);
  const Float magnitude = Select(a, Set(0.1f), series, far);
  return Select(y, Zero(), Sub(Zero(), magnitude), magnitude);
}

// kLanes pixels of kLanes channels; `count` and `channels` of them are there.
template <class T>
TAE_INLINE void LoadSquare(const LoadTask& task, int x, int channel, T* out) {
  alignas(64) float line[kLanes];
  Int square[kLanes];
  const int count = task.width - x < kLanes ? task.width - x : kLanes;
  for (int c = 0; c < kLanes; ++c) {
    Store(line, Zero());
    if (channel + c < task.channels)
      __builtin_memcpy(line, task.z + size_t(channel + c) * task.width + x,
                       count * sizeof(float));
    Store(line, Mul(Set(3.0f), Tanh(Mul(Load(line), Set(1.0f / 3)))));
    square[c] = LoadInt(reinterpret_cast<const int32_t*>(line));
  }
  Transpose(square);
  for (int i = 0; i < count; ++i) {
    StoreInt(reinterpret_cast<int32_t*>(line), square[i]);
    Store(out + size_t(1 + x + i) * kChannels + channel, Load(line));
  }
}

template <class T>
TAE_INLINE void ClearSquare(const LoadTask& task, int x, int channel, T* out) {
  const int end = task.width - x < kLanes ? task.width : x + kLanes;
  for (int i = x; i < end; ++i)
    Store(out + size_t(1 + i) * kChannels + channel, Zero());
}

template <class T>
void LoadLatent(const LoadTask& task) {
  T* out = static_cast<T*>(task.out);
  for (int x = 0; x < task.width; x += kLanes)
    for (int channel = 0; channel < kChannels; channel += kLanes) {
      if (channel < task.channels)
        LoadSquare(task, x, channel, out);
      else
        ClearSquare(task, x, channel, out);
    }
}

}  // namespace
}  // namespace tae
