// Compiled for AVX-512 F, BW, CD, DQ, VL.
#define TAE_HIGHWAY_F16 kF16HighwayAvx512
#define TAE_HIGHWAY_F32 kF32HighwayAvx512
#include "highway/table_highway-inl.h"
