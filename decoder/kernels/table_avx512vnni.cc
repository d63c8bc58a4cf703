// AVX-512 with VNNI: fp16-grade on int16 products.
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

constinit const KernelTable kF16Avx512VnniTable =
    MakeInt16Table("f16_winograd_i16__avx512vnni");

}  // namespace tae
