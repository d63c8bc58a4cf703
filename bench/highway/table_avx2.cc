// Compiled for AVX2, FMA, F16C.
#define TAE_HIGHWAY_F16 kF16HighwayAvx2
#define TAE_HIGHWAY_F32 kF32HighwayAvx2
#include "highway/table_highway-inl.h"
