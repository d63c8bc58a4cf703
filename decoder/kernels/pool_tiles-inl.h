// The pool of the middle block on AMX tiles of split bf16: 64-256-64 on 32
// pixels at a time, as four times 64-64-64. Vector work between the products
// made it slower (225 for 206 ns a pixel). Needs amx-inl.h before it.
#include "kernels/packed_layout.h"

namespace tae {
namespace {

struct PoolTilesScratch {
  using P = BFloatProduct<3>;
  static constexpr int kPixels = P::kChunkTiles;
  alignas(64) int32_t pixels[kPixels * P::kUnits];
  alignas(64) int32_t hidden[kPixels * P::kUnits];
  alignas(64) float sums[kPixels * kChannels];
  alignas(64) float out[kPixels * kChannels];
};

template <class T>
TAE_INLINE void SplitPixels(const T* from, int count, int32_t* to) {
  for (int i = 0; i < count; ++i)
    TAE_UNROLL for (int c = 0; c < kChannels; c += 2 * kLanes) StoreSplit(
        Load(from + i * kChannels + c), Load(from + i * kChannels + c + kLanes),
        to + i * BFloatProduct<3>::kUnits + c / 2);
}

// relu(sums + bias), split.
TAE_INLINE void SplitHidden(const float* sums, const float* bias, int count,
                            int32_t* to) {
  const auto value = [&](int i, int c) {
    return Max(Add(Load(sums + i * kChannels + c), Load(bias + c)), Zero());
  };
  for (int i = 0; i < count; ++i)
    TAE_UNROLL for (int c = 0; c < kChannels; c += 2 * kLanes)
        StoreSplit(value(i, c), value(i, c + kLanes),
                   to + i * BFloatProduct<3>::kUnits + c / 2);
}

TAE_INLINE void AddOut(const float* sums, int count, float* out) {
  for (int i = 0; i < count * kChannels; i += kLanes)
    Store(out + i, Add(Load(out + i), Load(sums + i)));
}

template <class T>
void PoolOnTiles(const void* folded_bytes, const PoolTask& task,
                 void* scratch) {
  using P = BFloatProduct<3>;
  constexpr int kSquareUnits = P::kWeightUnits;
  const auto& folded = *static_cast<const FoldedPool*>(folded_bytes);
  const auto* expand = reinterpret_cast<const int32_t*>(folded.expand);
  const auto* contract = static_cast<const int32_t*>(folded.contract);
  auto* s = static_cast<PoolTilesScratch*>(scratch);
  const TileRegisters registers;
  for (int x = task.begin; x < task.end; x += s->kPixels) {
    const int count = task.end - x < s->kPixels ? task.end - x : s->kPixels;
    T* pixels = static_cast<T*>(task.row) + size_t(1 + x) * kChannels;
    SplitPixels(pixels, count, s->pixels);
    for (int i = 0; i < count * kChannels; i += kLanes)
      Store(s->out + i, Load(pixels + i));
    for (int group = 0; group < kPoolWidth / kChannels; ++group) {
      PositionProduct(s->pixels, expand + group * kSquareUnits, s->sums, count,
                      P(), [] {});
      SplitHidden(s->sums, folded.bias + group * kChannels, count, s->hidden);
      PositionProduct(s->hidden, contract + group * kSquareUnits, s->sums,
                      count, P(), [] {});
      AddOut(s->sums, count, s->out);
    }
    for (int i = 0; i < count * kChannels; i += kLanes)
      Store(pixels + i, Load(s->out + i));
  }
}

}  // namespace
}  // namespace tae
