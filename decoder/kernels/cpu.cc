// Intel SDM vol. 2A, CPUID leaves 1, 7 and 0xD; XCR0 bits say which registers
// the operating system saves.
#include "kernels/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace tae {

#if defined(__x86_64__)
namespace {

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers CpuidLeaf(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx))
    return Registers();
  return r;
}

constexpr bool Bit(uint64_t bits, int n) { return (bits >> n & 1) != 0; }

uint64_t ReadXcr0() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

CpuFeatures Detect() {
  CpuFeatures cpu;
  const Registers leaf1 = CpuidLeaf(1, 0);
  if (!Bit(leaf1.ecx, 27)) return cpu;  // OSXSAVE
  const uint64_t xcr0 = ReadXcr0();
  const bool ymm = (xcr0 & 0x6) == 0x6;
  const bool zmm = ymm && (xcr0 & 0xe0) == 0xe0;
  const bool tiles = (xcr0 & 0x60000) == 0x60000;
  const Registers leaf7 = CpuidLeaf(7, 0);
  const Registers leaf71 = CpuidLeaf(7, 1);
  cpu.avx2 = ymm && Bit(leaf1.ecx, 28) && Bit(leaf1.ecx, 12) &&
             Bit(leaf1.ecx, 29) && Bit(leaf7.ebx, 5);
  cpu.avx_vnni = cpu.avx2 && Bit(leaf71.eax, 4);
  cpu.avx512 = cpu.avx2 && zmm && Bit(leaf7.ebx, 16) && Bit(leaf7.ebx, 17) &&
               Bit(leaf7.ebx, 30) && Bit(leaf7.ebx, 31);
  cpu.avx512_vnni = cpu.avx512 && Bit(leaf7.ecx, 11);
  cpu.avx512_bf16 = cpu.avx512 && Bit(leaf71.eax, 5);
  cpu.avx512_fp16 = cpu.avx512 && Bit(leaf7.edx, 23);
  cpu.avx512_vbmi = cpu.avx512 && Bit(leaf7.ecx, 1);
  cpu.amx_int8 =
      tiles && cpu.avx512 && Bit(leaf7.edx, 24) && Bit(leaf7.edx, 25);
  cpu.amx_bf16 =
      tiles && cpu.avx512 && Bit(leaf7.edx, 24) && Bit(leaf7.edx, 22);
  return cpu;
}

}  // namespace

const CpuFeatures& Cpu() {
  static const CpuFeatures cpu = Detect();
  return cpu;
}

bool RequestAmx() {
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kXfeatureXtiledata = 18;
  static const bool granted =
      (Cpu().amx_int8 || Cpu().amx_bf16) &&
      syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureXtiledata) == 0;
  return granted;
}

#else

const CpuFeatures& Cpu() {
  static const CpuFeatures cpu;
  return cpu;
}

bool RequestAmx() { return false; }

#endif

}  // namespace tae
