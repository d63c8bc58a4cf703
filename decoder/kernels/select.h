// Which kernel table runs: ordered candidates, the scalar one last.
#pragma once

#include <string_view>

#include "kernels/kernel_table.h"
#include "tae/status.h"

namespace tae {

extern const KernelTable kScalarTable;  // reference/scalar_table.cc

// The fastest table of at least this precision's grade on this CPU. `cpu` pins
// an instruction set ("avx2", "scalar"...); empty means $TAE_CPU, and where
// that is unset too, the best. Errors: kUnsupported says what could be chosen.
StatusOr<const KernelTable*> SelectTable(Precision precision,
                                         std::string_view cpu);

}  // namespace tae
