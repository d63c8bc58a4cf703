// AVX-512 without VNNI: int16 products by VPMADDWD, and floats.
#include "kernels/kernel_table.h"
#include "kernels/simd_avx512-inl.h"
#include "kernels/tables.h"
// After it:
#include "kernels/gemm-inl.h"
#include "kernels/load-inl.h"
#include "kernels/pool-inl.h"
#include "kernels/rgb-inl.h"
#include "kernels/shuffle-inl.h"
#include "kernels/winograd-inl.h"
// And after that:
#include "kernels/upconv-inl.h"
// After them:
#include "kernels/table-inl.h"

namespace tae {

constinit const KernelTable kF16Avx512Table =
    MakeInt16Table("f16_winograd_i16__avx512");
constinit const KernelTable kF32Avx512Table =
    MakeFloatTable("f32_winograd__avx512");

}  // namespace tae
