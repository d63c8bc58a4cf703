// AArch64 Advanced SIMD. It takes four instructions to multiply and add eight
// int16, two for eight floats, so fp16-grade is float arithmetic on fp16
// activations.
#include "kernels/kernel_table.h"
#include "kernels/simd_neon-inl.h"
#include "kernels/tables.h"
// After it:
#include "kernels/gemm-inl.h"
#include "kernels/load-inl.h"
#include "kernels/pool-inl.h"
#include "kernels/winograd-inl.h"
// And after that:
#include "kernels/rgb-inl.h"
#include "kernels/shuffle-inl.h"
#include "kernels/upconv-inl.h"
// After them:
#include "kernels/table-inl.h"

namespace tae {
namespace {

constexpr KernelTable MakeHalfTable(const char* name) {
  KernelTable table = MakeTable<FloatProduct, FloatProduct, uint16_t>(name);
  table.pack_conv = PackConvFloat;
  table.pack_upconv = PackUpConvFloat;
  table.pack_rgb = PackRgbFloat;
  return table;
}

}  // namespace

constinit const KernelTable kF16NeonTable =
    MakeHalfTable("f16_winograd_f32__neon");
constinit const KernelTable kF32NeonTable =
    MakeFloatTable("f32_winograd__neon");

}  // namespace tae
