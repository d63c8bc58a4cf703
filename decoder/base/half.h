// Half-precision scalars: IEEE binary16 (f16) and bfloat16 <-> float. The slow,
// obviously right twin of what the kernels do with vectors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tae/types.h"

namespace tae {

// Exact; NaN stays NaN (quiet, payload and sign kept), subnormals are exact.
float FloatFromF16(uint16_t bits);
float FloatFromBF16(uint16_t bits);

// Round to nearest, ties to even; overflow gives infinity, NaN stays a quiet
// NaN of the same sign, subnormal results are rounded like all others.
uint16_t F16FromFloat(float value);
uint16_t BF16FromFloat(float value);

// Reads `count` little-endian scalars of any alignment into floats.
void LoadFloats(DType dtype, const void* source, size_t count, float* out);

}  // namespace tae
