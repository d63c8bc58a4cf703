// The scalar way to write pixels: every format of PixelFormat.
#pragma once

#include "kernels/kernel_table.h"

namespace tae::reference {

// See StoreTask. BT.709 (ITU-R BT.709-6): Y' = .2126 R' + .7152 G' + .0722 B',
// Cb = (B' - Y') / 1.8556, Cr = (R' - Y') / 1.5748; 8 bit limited range: luma
// 16 + 219 Y', chroma 128 + 224 C. Chroma is sited left: horizontally on the
// even columns, filtered with (1 2 1) / 4, the edge column repeated; in 4:2:0
// vertically between two rows, their mean.
void Store(const StoreTask& task);

}  // namespace tae::reference
