// What this machine's multipliers can do at best, right now.
#pragma once

#include "tae/parallel.h"

namespace tae::tool {

// Operations a second of all workers together, 2 a multiply-add, from loops of
// nothing but independent products in registers. 0 where there is no such
// instruction.
struct Ceiling {
  double fp32 = 0;   // fused multiply-adds
  double int16 = 0;  // pairs of int16 products added to int32 (VNNI)
};

// Takes about 50 ms.
Ceiling MeasureCeiling(ParallelFor& parallel);

}  // namespace tae::tool
