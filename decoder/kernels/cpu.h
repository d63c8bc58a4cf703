// What this CPU can run, the operating system's part included.
#pragma once

namespace tae {

struct CpuFeatures {
  bool avx2 = false;      // with FMA and F16C
  bool avx_vnni = false;  // VPDPWSSD on 256 bits
  bool avx512 = false;    // F, BW, DQ, VL
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx512_fp16 = false;
  bool avx512_vbmi = false;
  bool amx_int8 = false;  // tiles; the kernel must still grant them
  bool amx_bf16 = false;
};

// Read once, then cached. Thread-safe.
const CpuFeatures& Cpu();

// Asks the operating system for tile registers for this process; true when
// granted. Idempotent, thread-safe.
bool RequestAmx();

}  // namespace tae
