// AMX: fp16-grade and 8 bits on bytes, float-grade on split bf16.
#include "kernels/kernel_table.h"
#include "kernels/simd_avx512-inl.h"
#include "kernels/tables.h"
// After it:
#include "kernels/amx-inl.h"
#include "kernels/gemm-inl.h"
#include "kernels/load-inl.h"
#include "kernels/pool-inl.h"
#include "kernels/rgb-inl.h"
#include "kernels/shuffle-inl.h"
#include "kernels/winograd-inl.h"
// And after that:
#include "kernels/upconv-inl.h"
// After them:
#include "kernels/amx_transform-inl.h"
#include "kernels/direct-inl.h"
#include "kernels/pool_tiles-inl.h"
#include "kernels/rgb_tiles-inl.h"
#include "kernels/table-inl.h"

namespace tae {
namespace {

// The pool on tiles.
template <class P, class Last, class T>
constexpr KernelTable MakeTileTable(const char* name) {
  KernelTable table = MakeTable<P, Last, T>(name);
  table.scratch_bytes = Largest(table.scratch_bytes, sizeof(PoolTilesScratch));
  table.pack_pool = PackPoolTiles;
  table.fold_pool = FoldPoolTiles;
  table.pool = PoolOnTiles<T>;
  return table;
}

constexpr KernelTable MakeSplitTable(const char* name) {
  using P = BFloatProduct<4>;
  KernelTable table = MakeTileTable<P, FloatProduct, float>(name);
  table.conv = ConvOnTiles<P, float>;
  table.upconv = UpConvOnTiles<P, float>;
  table.pack_conv = PackConvBFloat<2>;
  table.pack_upconv = PackUpConvBFloat<2>;
  table.pack_rgb = PackRgbFloat;
  return table;
}

template <int kParts>
constexpr KernelTable MakeDirectTable(const char* name) {
  KernelTable table = MakeTileTable<Int16Product, Int16Product, uint16_t>(name);
  table.scratch_bytes =
      Largest(Largest(table.scratch_bytes,
                      sizeof(typename DirectConv<kParts>::Scratch)),
              Largest(sizeof(typename DirectUpConv<kParts>::Scratch),
                      sizeof(RgbTiles::Scratch)));
  table.tiles_per_task = 32;
  table.tile_grid = 8;
  table.conv = ConvDirect<kParts>;
  table.upconv = UpConvDirect<kParts>;
  table.pack_conv = PackConvDirect<kParts>;
  table.pack_upconv = PackUpConvDirect<kParts>;
  table.rgb = RgbOnTiles;
  table.pack_rgb = PackRgbDirect;
  return table;
}

}  // namespace

constinit const KernelTable kF16AmxTable =
    MakeDirectTable<2>("f16_direct_i8x3__amx");
constinit const KernelTable kInt8AmxTable =
    MakeDirectTable<1>("int8_direct_i8__amx");
constinit const KernelTable kF32AmxTable =
    MakeSplitTable("f32_winograd_bf16x4__amx");

}  // namespace tae
