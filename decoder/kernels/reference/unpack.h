// The scalar way to read a row of a latent: every dtype, every layout.
#pragma once

#include <cstdint>

#include "kernels/kernel_table.h"

namespace tae::reference {

// See UnpackTask. Returns how many scalars were NaN or infinite.
int64_t Unpack(const UnpackTask& task);

}  // namespace tae::reference
