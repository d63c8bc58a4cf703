// The kernel tables of this folder, one translation unit each, and whether the
// CPU and the operating system can run them. select.cc puts them in order.
#pragma once

#include <span>

#include "kernels/kernel_table.h"

namespace tae {

extern const KernelTable kF16AmxTable;
extern const KernelTable kF32AmxTable;
extern const KernelTable kInt8AmxTable;
extern const KernelTable kF16Avx512VnniTable;
extern const KernelTable kF16Avx512Table;
extern const KernelTable kF16AvxVnniTable;
extern const KernelTable kF16Avx2Table;
extern const KernelTable kF32Avx512Table;
extern const KernelTable kF32Avx2Table;
extern const KernelTable kF16NeonTable;
extern const KernelTable kF32NeonTable;

struct TableEntry {
  const KernelTable* table = nullptr;
  Precision precision = Precision::kF16;
  const char* isa = "";  // what TAE_CPU pins: "avx512vnni", "avx2", ...
  bool (*supported)() = nullptr;
};

// All tables compiled into this library, per precision the fastest first.
std::span<const TableEntry> KernelTables();

}  // namespace tae
