#include "tool/ceiling.h"

#include <algorithm>
#include <chrono>

#include "kernels/cpu.h"

namespace tae::tool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTurns = 200'000;
constexpr int kProducts = 15;  // independent instructions a turn

#if defined(__x86_64__)

// Fifteen accumulators hide the latency of every instruction measured here.
#define TAE_ROW(op, width, n) op " %%" width "0, %%" width "0, %%" width n "\n"
#define TAE_TURN(op, width)                                                   \
  TAE_ROW(op, width, "1")                                                     \
  TAE_ROW(op, width, "2") TAE_ROW(op, width, "3") TAE_ROW(op, width, "4")     \
      TAE_ROW(op, width, "5") TAE_ROW(op, width, "6") TAE_ROW(op, width, "7") \
          TAE_ROW(op, width, "8") TAE_ROW(op, width, "9")                     \
              TAE_ROW(op, width, "10") TAE_ROW(op, width, "11")               \
                  TAE_ROW(op, width, "12") TAE_ROW(op, width, "13")           \
                      TAE_ROW(op, width, "14") TAE_ROW(op, width, "15")
#define TAE_LOOP(op, width)                                                    \
  [](void*, int, int) {                                                        \
    asm volatile("vzeroall\n" ::                                               \
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", \
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",      \
                       "xmm13", "xmm14", "xmm15");                             \
    for (int i = 0; i < kTurns; ++i)                                           \
      asm volatile(TAE_TURN(op, width)::: "cc");                               \
    asm volatile("vzeroall\n" ::                                               \
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", \
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",      \
                       "xmm13", "xmm14", "xmm15");                             \
  }

// Of a loop whose instructions do `operations` each.
double RateOf(ParallelFor& parallel, double operations,
              ParallelFor::Task task) {
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    parallel.Run(parallel.workers(), task, nullptr);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    best = std::max(best, operations * kProducts * kTurns * parallel.workers() /
                              seconds.count());
  }
  return best;
}

#endif

}  // namespace

Ceiling MeasureCeiling(ParallelFor& parallel) {
  Ceiling ceiling;
#if defined(__x86_64__)
  if (Cpu().avx512) {
    ceiling.fp32 = RateOf(parallel, 32, TAE_LOOP("vfmadd231ps", "zmm"));
    if (Cpu().avx512_vnni)
      ceiling.int16 = RateOf(parallel, 64, TAE_LOOP("vpdpwssd", "zmm"));
  } else if (Cpu().avx2) {
    ceiling.fp32 = RateOf(parallel, 16, TAE_LOOP("vfmadd231ps", "ymm"));
  }
#else
  (void)parallel;
#endif
  return ceiling;
}

}  // namespace tae::tool
