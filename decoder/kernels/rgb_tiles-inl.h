// The last convolution, 64 -> 3, on AMX tiles of bytes: the columns of a tile
// of weights are the three horizontal taps of the three outputs, so that one
// product serves them all; the taps are added as in rgb-inl.h.
// Needs direct-inl.h and rgb-inl.h before it.
#include "kernels/packed_layout.h"

namespace tae {
namespace {

// Products [part][pixel][column] of one row of 16 pixels -> sums[column][slot].
TAE_INLINE void KeepSums(const int32_t* products, float scale,
                         float sums[kRgbTaps][kRgbChunk + 2 * kLanes],
                         int slot) {
  const Float high = Set(65536.0f * scale), low = Set(256.0f * scale);
  Int square[kLanes];
  TAE_UNROLL for (int i = 0; i < kLanes; ++i) square[i] = _mm512_castps_si512(
      MulAdd(ToFloat(LoadInt(products + i * 16)), high,
             Mul(ToFloat(LoadInt(products + (kBlock + i) * 16)), low)));
  Transpose(square);
  TAE_UNROLL for (int t = 0; t < kRgbTaps; ++t)
      Store(&sums[t][slot], _mm512_castsi512_ps(square[t]));
}

// Groups of 16 pixels. While the products of two rows run, the two before them
// are put in order and the next group is quantised.
class RgbTiles {
 public:
  static constexpr int kParts = 2;
  using Patch = BytePatch<kParts, 6, kBlock>;
  struct Scratch {
    Patch patches[2];
    alignas(64) int32_t products[2][2 * kParts * kBlock * 16];
    // As in RgbScratch.
    alignas(64) float sums[4][kRgbTaps][kRgbChunk + 2 * kLanes];
  };

  RgbTiles(const PackedRgb& layer, const RgbTask& task, Scratch* s)
      : layer_(layer), task_(task), s_(*s) {}

  void Run() {
    const int begin = task_.tile_begin * kTile;
    const int tiles_end = task_.tile_end * kTile;
    const int end = tiles_end < task_.width ? tiles_end : task_.width;
    constexpr int kPixels = kRgbChunk - 2;  // less both neighbours
    for (int x = begin; x < end; x += kPixels) {
      const int count = end - x < kPixels ? end - x : kPixels;
      Chunk(x, count);
      StoreRgb(layer_, task_, x, count, s_.sums);
    }
  }

 private:
  static constexpr int kRow = kBlock * kChannels;
  static constexpr int kSteps = 6;

  // Slot 0 is the pixel on the left of x, which is stored pixel x.
  void Chunk(int x, int count) {
    const int stored = StoredPixels(task_.width);
    quantiser_.Begin(task_.in, x, stored, kSteps, &s_.patches[current_]);
    quantiser_.Run();
    for (int slot = 0; slot < count + 2; slot += kBlock) {
      const Patch& patch = s_.patches[current_];
      current_ ^= 1;
      more_ = slot + kBlock < count + 2;
      quantiser_.Begin(task_.in, x + slot + kBlock, stored, kSteps,
                       &s_.patches[current_]);
      if (patch.is_unsigned)
        Group<true>(patch, slot);
      else
        Group<false>(patch, slot);
    }
    KeepPending(0);
    KeepPending(1);
    pending_ = {};
  }

  template <bool kUnsigned>
  void Group(const Patch& patch, int slot) {
    const auto* weights = static_cast<const int8_t*>(layer_.weights);
    for (int row = 0; row < kTile; row += 2) {
      int32_t* products = s_.products[row / 2];
      TapProducts<kParts, 3, kUnsigned, Patch::kPart>(
          patch.bytes + row * kRow, kRow, weights, products,
          [](int tap) { return tap * kRow; },
          [&](int tap) {
            if (tap < 2) KeepPending(tap);
            if (more_) quantiser_.Step(row / 2 * 3 + tap);
          });
      pending_ = {products, patch.scale, row, slot};
    }
  }

  // Row 0 or 1 of the two that wait.
  TAE_INLINE void KeepPending(int row) {
    if (pending_.products == nullptr) return;
    KeepSums(pending_.products + row * kParts * kBlock * 16, pending_.scale,
             s_.sums[pending_.row + row], pending_.slot);
  }

  struct Pending {
    const int32_t* products = nullptr;
    float scale = 0;
    int row = 0;
    int slot = 0;
  };

  const PackedRgb& layer_;
  const RgbTask& task_;
  Scratch& s_;
  PatchQuantiser<Patch, kParts, 6, kBlock> quantiser_;
  Pending pending_;
  bool more_ = false;
  int current_ = 0;
};

inline void RgbOnTiles(const PackedLayer* layer, const RgbTask& task,
                       void* scratch) {
  const TileRegisters registers;
  RgbTiles(*reinterpret_cast<const PackedRgb*>(layer), task,
           static_cast<RgbTiles::Scratch*>(scratch))
      .Run();
}

}  // namespace
}  // namespace tae
