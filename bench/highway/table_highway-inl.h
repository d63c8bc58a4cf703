// The kernels of decoder/kernels, as table_avx2.cc includes them, but on
// Highway. Define TAE_HIGHWAY_F16 and TAE_HIGHWAY_F32, the tables' names,
// first.
#include "highway/simd_highway-inl.h"
#include "kernels/kernel_table.h"
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

extern const KernelTable TAE_HIGHWAY_F16, TAE_HIGHWAY_F32;
constinit const KernelTable TAE_HIGHWAY_F16 = MakeInt16Table("highway f16");
constinit const KernelTable TAE_HIGHWAY_F32 = MakeFloatTable("highway f32");

}  // namespace tae
