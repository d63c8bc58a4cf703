#include "tool/ceiling.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "kernels/cpu.h"

namespace tae::tool {
namespace {

#if defined(__x86_64__)

using Clock = std::chrono::steady_clock;

constexpr int kTurns = 200'000;
constexpr int kProducts = 15;  // independent instructions a turn

// Fifteen accumulators hide the latency of every instruction measured here.
#define TAE_ROW(op, width, n) op " %%" width "0, %%" width "0, %%" width n "\n"
// With macros like these clang-format never comes to an end.
// clang-format off
#define TAE_TURN(op, width)                                                  \
  TAE_ROW(op, width, "1") TAE_ROW(op, width, "2") TAE_ROW(op, width, "3")    \
  TAE_ROW(op, width, "4") TAE_ROW(op, width, "5") TAE_ROW(op, width, "6")    \
  TAE_ROW(op, width, "7") TAE_ROW(op, width, "8") TAE_ROW(op, width, "9")    \
  TAE_ROW(op, width, "10") TAE_ROW(op, width, "11") TAE_ROW(op, width, "12") \
  TAE_ROW(op, width, "13") TAE_ROW(op, width, "14") TAE_ROW(op, width, "15")
// clang-format on
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

// All tiles 16 rows of 64 bytes; six sums hide the latency.
struct alignas(64) TileShape {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr int kTileTurns = 10'000;
constexpr int kTileProducts = 6;
#define TAE_TILE_LOOP(op)                                                  \
  [](void*, int, int) {                                                    \
    const TileShape shape;                                                 \
    asm volatile("ldtilecfg %0" : : "m"(shape));                           \
    for (int i = 0; i < kTileTurns; ++i)                                   \
      asm volatile(                                                        \
          op " %%tmm7, %%tmm6, %%tmm0\n" op " %%tmm7, %%tmm6, %%tmm1\n" op \
             " %%tmm7, %%tmm6, %%tmm2\n" op " %%tmm7, %%tmm6, %%tmm3\n" op \
             " %%tmm7, %%tmm6, %%tmm4\n" op " %%tmm7, %%tmm6, %%tmm5\n" :: \
                 : "cc");                                                  \
    asm volatile("tilerelease");                                           \
  }

// Of a task that does `operations`, once a worker.
double RateOf(ParallelFor& parallel, double operations,
              ParallelFor::Task task) {
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    parallel.Run(parallel.workers(), task, nullptr);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    best = std::max(best, operations * parallel.workers() / seconds.count());
  }
  return best;
}

// Operations of a whole loop whose instruction does `each`.
constexpr double Vectors(double each) { return each * kProducts * kTurns; }
constexpr double Tiles(double each) {
  return each * kTileProducts * kTileTurns;
}

void MeasureTiles(ParallelFor& parallel, Ceiling& ceiling) {
  if (!(Cpu().amx_bf16 || Cpu().amx_int8) || !RequestAmx()) return;
  constexpr double kBFloats = Tiles(2.0 * 16 * 16 * 32);
  constexpr double kBytes = Tiles(2.0 * 16 * 16 * 64);
  if (Cpu().amx_bf16)
    ceiling.amx_bf16 = RateOf(parallel, kBFloats, TAE_TILE_LOOP("tdpbf16ps"));
  if (Cpu().amx_int8)
    ceiling.amx_int8 = RateOf(parallel, kBytes, TAE_TILE_LOOP("tdpbusd"));
}

#endif

}  // namespace

#if defined(__x86_64__)

double MeasureFp32Ceiling(ParallelFor& parallel) {
  if (Cpu().avx512)
    return RateOf(parallel, Vectors(32), TAE_LOOP("vfmadd231ps", "zmm"));
  if (Cpu().avx2)
    return RateOf(parallel, Vectors(16), TAE_LOOP("vfmadd231ps", "ymm"));
  return 0;
}

Ceiling MeasureCeiling(ParallelFor& parallel) {
  Ceiling ceiling;
  ceiling.fp32 = MeasureFp32Ceiling(parallel);
  if (Cpu().avx512_vnni) {
    ceiling.int16 = RateOf(parallel, Vectors(64), TAE_LOOP("vpdpwssd", "zmm"));
    ceiling.int8 = RateOf(parallel, Vectors(128), TAE_LOOP("vpdpbusd", "zmm"));
  } else if (Cpu().avx_vnni) {
    ceiling.int16 =
        RateOf(parallel, Vectors(32), TAE_LOOP("%{vex%} vpdpwssd", "ymm"));
    ceiling.int8 =
        RateOf(parallel, Vectors(64), TAE_LOOP("%{vex%} vpdpbusd", "ymm"));
  } else if (Cpu().avx2) {
    ceiling.int16 = RateOf(parallel, Vectors(32), TAE_LOOP("vpmaddwd", "ymm"));
  }
  if (Cpu().avx512_bf16)
    ceiling.bf16 = RateOf(parallel, Vectors(64), TAE_LOOP("vdpbf16ps", "zmm"));
  MeasureTiles(parallel, ceiling);
  return ceiling;
}

#else

double MeasureFp32Ceiling(ParallelFor&) { return 0; }
Ceiling MeasureCeiling(ParallelFor&) { return {}; }

#endif

}  // namespace tae::tool
