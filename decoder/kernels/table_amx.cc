// AMX: fp16-grade and float-grade on split bf16, and plain bf16.
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
#include "kernels/table-inl.h"

namespace tae {
namespace {

// The last convolution and the pool stay on the vector units.
template <int kParts, class Last, class T>
constexpr KernelTable MakeAmxTable(const char* name) {
  using P = BFloatProduct<kParts>;
  KernelTable table = MakeTable<P, Last, T>(name);
  table.conv = ConvOnTiles<P, T>;
  table.upconv = UpConvOnTiles<P, T>;
  table.pack_conv = PackConvBFloat<kParts>;
  table.pack_upconv = PackUpConvBFloat<kParts>;
  table.pack_rgb = sizeof(T) == 2 ? PackRgbInt16<kLanes> : PackRgbFloat;
  return table;
}

}  // namespace

constinit const KernelTable kF16AmxTable =
    MakeAmxTable<2, Int16Product, uint16_t>("f16_winograd_bf16x3__amx");
constinit const KernelTable kF32AmxTable =
    MakeAmxTable<2, FloatProduct, float>("f32_winograd_bf16x3__amx");
constinit const KernelTable kBF16AmxTable =
    MakeAmxTable<1, Int16Product, uint16_t>("bf16_winograd_bf16__amx");

}  // namespace tae
