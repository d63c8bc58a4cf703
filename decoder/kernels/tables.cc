// The list of tables. One line an instruction set and precision.
#include "kernels/tables.h"

#include "kernels/cpu.h"

namespace tae {

namespace {

constexpr TableEntry kTables[] = {
#if defined(__x86_64__)
    {&kF16Avx512VnniTable, Precision::kF16, "avx512vnni",
     [] { return Cpu().avx512_vnni; }},
#endif
};

}  // namespace

std::span<const TableEntry> KernelTables() { return kTables; }

}  // namespace tae
