// Pixel shuffle: a row of 3 k^2 channels becomes k rows of each colour.
// Needs simd_*-inl.h before it.
namespace tae {
namespace {

// Channels as floats, then runs of kScale of them to their rows.
template <int kScale, class T>
TAE_INLINE void ShuffleRow(const ShuffleTask& task) {
  alignas(64) float channels[kChannels];
  const T* pixel = static_cast<const T*>(task.row) + kChannels;
  for (int i = 0; i < task.width; ++i, pixel += kChannels) {
    TAE_UNROLL for (int c = 0; c < 3 * kScale * kScale; c += kLanes)
        Store(channels + c, Load(pixel + c));
    TAE_UNROLL for (int c = 0; c < 3; ++c)
        TAE_UNROLL for (int y = 0; y < kScale; ++y) __builtin_memcpy(
            task.rgb[c][y] + i * kScale, channels + (c * kScale + y) * kScale,
            kScale * sizeof(float));
  }
}

template <class T>
void Shuffle(const ShuffleTask& task) {
  if (task.scale == 2)
    ShuffleRow<2, T>(task);
  else
    ShuffleRow<4, T>(task);
}

}  // namespace
}  // namespace tae
