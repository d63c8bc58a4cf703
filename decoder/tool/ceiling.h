// What this machine's multipliers can do at best, right now.
#pragma once

#include "tae/parallel.h"

namespace tae::tool {

// Operations a second of all workers together, 2 a multiply-add, from loops of
// nothing but independent products in registers, of the widest vectors. 0
// where there is no such instruction, or no way to use it.
struct Ceiling {
  double fp32 = 0;      // fused multiply-adds
  double bf16 = 0;      // pairs of bf16 added to floats (VDPBF16PS)
  double int16 = 0;     // pairs of int16 added to int32 (VPDPWSSD or VPMADDWD)
  double int8 = 0;      // fours of u8 x s8 added to int32 (VPDPBUSD)
  double amx_bf16 = 0;  // tiles of bf16 pairs (TDPBF16PS)
  double amx_int8 = 0;  // tiles of u8 x s8 (TDPBUSD)
};

// Takes about 50 ms an instruction.
Ceiling MeasureCeiling(ParallelFor& parallel);

// The fp32 row alone.
double MeasureFp32Ceiling(ParallelFor& parallel);

}  // namespace tae::tool
