// Fills a KernelTable from the kernels included before it.
#include "kernels/pack.h"
#include "kernels/store-inl.h"
#include "kernels/unpack-inl.h"

namespace tae {
namespace {

constexpr size_t Largest(size_t a, size_t b) { return a > b ? a : b; }

template <class P, class Last>
constexpr size_t ScratchBytes() {
  return Largest(Largest(sizeof(WinogradScratch<P>), sizeof(UpScratch<P>)),
                 Largest(sizeof(RgbScratch<Last>), sizeof(PoolScratch)));
}

// Everything but packing. P: products of the convolutions; Last: of the last
// one; T: the type of stored activations.
template <class P, class Last, class T>
constexpr KernelTable MakeTable(const char* name) {
  KernelTable table;
  table.name = name;
  table.bytes_per_channel = sizeof(T);
  table.scratch_bytes = ScratchBytes<P, Last>();
  table.tiles_per_task = P::kChunkTiles;
  table.pack_pool = PackPool;
  table.free_layer = FreePacked;
  table.layer_bytes = PackedBytes;
  table.unpack = Unpack;
  table.store = StorePixels;
  table.load = LoadLatent<T>;
  table.conv = Conv<P, T>;
  table.upconv = UpConv<P, T>;
  table.rgb = Rgb<Last, T>;
  table.shuffle = Shuffle<T>;
  table.pool_stats_floats = kPoolStatsFloats;
  table.pool_folded_bytes = sizeof(FoldedPool);
  table.pool_stats = PoolStats<T>;
  table.fold_pool = FoldPool;
  table.pool = Pool<T>;
  return table;
}

constexpr KernelTable MakeInt16Table(const char* name) {
  KernelTable table = MakeTable<Int16Product, Int16Product, uint16_t>(name);
  table.pack_conv = PackConvInt16<kLanes>;
  table.pack_upconv = PackUpConvInt16<kLanes>;
  table.pack_rgb = PackRgbInt16<kLanes>;
  return table;
}

constexpr KernelTable MakeFloatTable(const char* name) {
  KernelTable table = MakeTable<FloatProduct, FloatProduct, float>(name);
  table.pack_conv = PackConvFloat;
  table.pack_upconv = PackUpConvFloat;
  table.pack_rgb = PackRgbFloat;
  return table;
}

}  // namespace
}  // namespace tae
