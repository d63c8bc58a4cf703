// The list of tables. One line an instruction set and precision.
#include "kernels/tables.h"

#include "kernels/cpu.h"

namespace tae {

#if defined(__x86_64__)

namespace {

bool Amx() {
  return Cpu().amx_bf16 && Cpu().amx_int8 && Cpu().avx512_vnni &&
         Cpu().avx512_fp16 && Cpu().avx512_vbmi && RequestAmx();
}
bool Avx512Vnni() { return Cpu().avx512_vnni; }
bool Avx512() { return Cpu().avx512; }
bool AvxVnni() { return Cpu().avx_vnni; }
bool Avx2() { return Cpu().avx2; }

constexpr TableEntry kTables[] = {
    {&kF16AmxTable, Precision::kF16, "amx", Amx},
    {&kF16Avx512VnniTable, Precision::kF16, "avx512vnni", Avx512Vnni},
    {&kF16Avx512Table, Precision::kF16, "avx512", Avx512},
    {&kF16AvxVnniTable, Precision::kF16, "avxvnni", AvxVnni},
    {&kF16Avx2Table, Precision::kF16, "avx2", Avx2},
    {&kF32AmxTable, Precision::kF32, "amx", Amx},
    {&kF32Avx512Table, Precision::kF32, "avx512", Avx512},
    {&kF32Avx2Table, Precision::kF32, "avx2", Avx2},
    {&kInt8AmxTable, Precision::kInt8, "amx", Amx},
};

}  // namespace

std::span<const TableEntry> KernelTables() { return kTables; }

#elif defined(__aarch64__)

namespace {

constexpr TableEntry kTables[] = {
    {&kF16NeonTable, Precision::kF16, "neon", [] { return true; }},
    {&kF32NeonTable, Precision::kF32, "neon", [] { return true; }},
};

}  // namespace

std::span<const TableEntry> KernelTables() { return kTables; }

#else

std::span<const TableEntry> KernelTables() { return {}; }

#endif

}  // namespace tae
