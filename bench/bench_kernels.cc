// Each kernel of each table that this CPU can run, over planes larger than the
// caches. Columns: ns_px and cycles_px are per output pixel and thread;
// ceiling is the share of the time that the products alone would need at the
// rate of the dot-product instruction measured in this run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/tables.h"

namespace tae {
namespace {

double Seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The best of some runs of f, in seconds.
template <class F>
double BestOf(int runs, F f) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const double start = Seconds();
    f();
    best = std::min(best, Seconds() - start);
  }
  return best;
}

// Cycles a second, from a chain of multiplications (3 cycles each on every
// x86 since 2008).
double Frequency() {
  constexpr int kCount = 3000000;
  return 3 * kCount / BestOf(9, [] {
           uint64_t x = 1;
           for (int i = 0; i < kCount; ++i) {
#if defined(__x86_64__)
             asm volatile("imul %0, %0" : "+r"(x));
#else
             asm volatile("mul %0, %0, %0" : "+r"(x));
#endif
           }
           benchmark::DoNotOptimize(x);
         });
}

#if defined(__x86_64__)
#define TAE_TWELVE(instruction, r)                                       \
  instruction                                                            \
      " %%" r "13, %%" r "14, %%" r "0\n" instruction " %%" r "13, %%" r \
      "14, %%" r "1\n" instruction " %%" r "13, %%" r "14, %%" r         \
      "2\n" instruction " %%" r "13, %%" r "14, %%" r "3\n" instruction  \
      " %%" r "13, %%" r "14, %%" r "4\n" instruction " %%" r "13, %%" r \
      "14, %%" r "5\n" instruction " %%" r "13, %%" r "14, %%" r         \
      "6\n" instruction " %%" r "13, %%" r "14, %%" r "7\n" instruction  \
      " %%" r "13, %%" r "14, %%" r "8\n" instruction " %%" r "13, %%" r \
      "14, %%" r "9\n" instruction " %%" r "13, %%" r "14, %%" r         \
      "10\n" instruction " %%" r "13, %%" r "14, %%" r "11\n"
// Multiply-adds a second of one instruction, `macs` each.
#define TAE_RATE(instruction, r, macs)                                       \
  (12.0 * 200000 * (macs) / BestOf(9, [] {                                   \
     for (int i = 0; i < 200000; ++i)                                        \
       asm volatile(TAE_TWELVE(instruction, r)::                             \
                        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",    \
                          "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"); \
   }))

double CeilingOf(const TableEntry& entry) {
  const std::string isa = entry.isa;
  const bool f32 = entry.precision == Precision::kF32;
  if (isa.find("avx512") != std::string::npos) {
    if (f32) return TAE_RATE("vfmadd231ps", "zmm", 16);
    if (Cpu().avx512_vnni) return TAE_RATE("vpdpwssd", "zmm", 32);
    return TAE_RATE("vpmaddwd", "zmm", 32) / 2;
  }
  if (f32) return TAE_RATE("vfmadd231ps", "ymm", 8);
  if (isa == "avxvnni") return TAE_RATE("%{vex%} vpdpwssd", "ymm", 16);
  if (isa == "avx2") return TAE_RATE("vpmaddwd", "ymm", 16) / 2;
  return 0;
}
#else
double CeilingOf(const TableEntry&) { return 0; }
#endif

// Rows of a plane, filled with small numbers of the table's type.
class BenchPlane {
 public:
  BenchPlane(int height, int width, const KernelTable& table)
      : row_bytes_((RowBytes(width, table.bytes_per_channel) + 4095) / 4096 *
                       4096 +
                   64),
        memory_(row_bytes_ * (height + 2) + 64) {
    uint32_t random = 1;
    // fp16 0x38.. is about 0.5, float 0x3f.. is about 0.5 to 1.
    const bool half = table.bytes_per_channel == 2;
    for (size_t i = 0; i + 1 < memory_.size(); i += 2) {
      random = random * 1664525 + 1013904223;
      memory_[i] = char(random >> 16);
      memory_[i + 1] = char((half ? 0x34 : 0x3e) + (random >> 30 & 1));
    }
  }
  char* Row(int y) {
    const auto base = (reinterpret_cast<uintptr_t>(memory_.data()) + 63) / 64;
    return reinterpret_cast<char*>(base * 64) + (y + 1) * row_bytes_;
  }

 private:
  size_t row_bytes_;
  std::vector<char> memory_;
};

constexpr int kWidth = 1024;  // pixels
constexpr int kHeight = 128;  // rows: planes past the second-level cache

class KernelBench {
 public:
  explicit KernelBench(const TableEntry& entry)
      : table_(*entry.table),
        scratch_(static_cast<char*>(
            ::operator new (table_.scratch_bytes, std::align_val_t{64}))),
        in_(kHeight, kWidth, table_),
        out_(kHeight, kWidth, table_),
        skip_(kHeight, kWidth, table_) {
    std::memset(scratch_, 0, table_.scratch_bytes);
  }
  ~KernelBench() { ::operator delete (scratch_, std::align_val_t{64}); }

  static ConvWeights Weights(int in, int out, int taps) {
    ConvWeights conv;
    conv.in_channels = in;
    conv.out_channels = out;
    conv.taps = taps;
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0, 0.05f);
    conv.weight.resize(size_t(in) * out * taps);
    for (float& w : conv.weight) w = normal(random);
    return conv;
  }

  void Conv(const PackedLayer* layer, bool with_skip) {
    for (int y = 0; y + 4 <= kHeight; y += 4) {
      ConvTask task = {};
      for (int r = 0; r < 6; ++r) task.in[r] = in_.Row(y - 1 + r);
      for (int r = 0; r < 4; ++r) task.out[r] = out_.Row(y + r);
      for (int r = 0; r < 4 && with_skip; ++r) task.skip[r] = skip_.Row(y + r);
      task.tile_end = kWidth / 4;
      task.width = kWidth;
      task.relu = true;
      table_.conv(layer, task, scratch_);
    }
  }

  void UpConv(const PackedLayer* layer) {
    for (int y = 0; y + 4 <= kHeight; y += 4) {
      UpConvTask task = {};
      for (int r = 0; r < 3; ++r) task.in[r] = in_.Row(y / 2 + r);
      for (int r = 0; r < 4; ++r) task.out[r] = out_.Row(y + r);
      task.tile_end = kWidth / 4 + 1;
      task.in_width = kWidth / 2;
      table_.upconv(layer, task, scratch_);
    }
  }

  void Rgb(const PackedLayer* layer) {
    rgb_.resize(12 * kWidth);
    for (int y = 0; y + 4 <= kHeight; y += 4) {
      RgbTask task = {};
      for (int r = 0; r < 6; ++r) task.in[r] = in_.Row(y - 1 + r);
      for (int i = 0; i < 12; ++i) task.rgb[i / 4][i % 4] = &rgb_[i * kWidth];
      task.tile_end = kWidth / 4;
      task.width = kWidth;
      table_.rgb(layer, task, scratch_);
    }
  }

  void PoolStats() {
    stats_.assign(table_.pool_stats_floats, 0);
    for (int y = 0; y < kHeight; ++y) {
      const void* row = in_.Row(y);
      table_.pool_stats(&row, 1, kWidth, stats_.data(), scratch_);
    }
  }

  void Pool(const void* folded) {
    for (int y = 0; y < kHeight; ++y)
      table_.pool(folded, PoolTask{out_.Row(y), 0, kWidth}, scratch_);
  }

 private:
  const KernelTable& table_;
  char* scratch_;
  BenchPlane in_, out_, skip_;
  std::vector<float> rgb_, stats_;
};

// Runs `pass` (kHeight x kWidth output pixels) and reports per pixel.
template <class F>
void Report(benchmark::State& state, const TableEntry& entry, double macs,
            F pass) {
  const double hertz = Frequency();
  const double ceiling = CeilingOf(entry);
  double best = 1e30;
  for (auto _ : state) {
    const double start = Seconds();
    pass();
    best = std::min(best, Seconds() - start);
  }
  const double seconds = best / (double(kWidth) * kHeight);
  state.counters["ns_px"] = seconds * 1e9;
  state.counters["cycles_px"] = seconds * hertz;
  if (ceiling > 0 && macs > 0)
    state.counters["ceiling"] = macs / ceiling / seconds;
}

void BenchConv(benchmark::State& state, TableEntry entry, bool skip) {
  KernelBench bench(entry);
  PackedLayer* layer = entry.table->pack_conv(bench.Weights(64, 64, 9));
  Report(state, entry, 36 / 16.0 * 64 * 64, [&] { bench.Conv(layer, skip); });
  entry.table->free_layer(layer);
}

void BenchUpConv(benchmark::State& state, TableEntry entry) {
  KernelBench bench(entry);
  PackedLayer* layer = entry.table->pack_upconv(bench.Weights(64, 64, 9));
  Report(state, entry, 25 / 16.0 * 64 * 64, [&] { bench.UpConv(layer); });
  entry.table->free_layer(layer);
}

void BenchRgb(benchmark::State& state, TableEntry entry) {
  KernelBench bench(entry);
  PackedLayer* layer = entry.table->pack_rgb(bench.Weights(64, 3, 9));
  Report(state, entry, 27 * 64, [&] { bench.Rgb(layer); });
  entry.table->free_layer(layer);
}

void BenchPoolStats(benchmark::State& state, TableEntry entry) {
  KernelBench bench(entry);
  Report(state, entry, 64 * 65 / 2, [&] { bench.PoolStats(); });
}

void BenchPool(benchmark::State& state, TableEntry entry) {
  const KernelTable& table = *entry.table;
  KernelBench bench(entry);
  PoolWeights weights;
  weights.expand = bench.Weights(64, 256, 1);
  weights.contract = bench.Weights(256, 64, 1);
  weights.gamma.assign(256, 1);
  weights.beta.assign(256, 0);
  PackedLayer* layer = table.pack_pool(weights);
  void* folded = ::operator new (table.pool_folded_bytes, std::align_val_t{64});
  std::vector<double> stats(table.pool_stats_floats, 1);
  table.fold_pool(layer, stats.data(), 1e6, folded);
  Report(state, entry, 2 * 64 * 256, [&] { bench.Pool(folded); });
  ::operator delete (folded, std::align_val_t{64});
  table.free_layer(layer);
}

// Rows of floats to pixels.
void BenchStore(benchmark::State& state, TableEntry entry, PixelFormat format) {
  std::vector<float> rgb(12 * kWidth);
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = float(i % 1000) / 900;
  std::vector<uint8_t> pixels(size_t(4) * kWidth * kHeight);
  FrameView frame{.format = format, .width = kWidth, .height = kHeight};
  for (int p = 0; p < 2; ++p) {
    frame.plane[p] = pixels.data() + p * size_t(2) * kWidth * kHeight;
    frame.stride[p] = (format == PixelFormat::kRgb ? 3 : 1) * kWidth;
  }
  Report(state, entry, 0, [&] {
    for (int y = 0; y + 4 <= kHeight; y += 4) {
      StoreTask task{.rgb = {},
                     .y = y,
                     .row_count = 4,
                     .begin = 0,
                     .end = kWidth,
                     .frame = &frame};
      for (int i = 0; i < 12; ++i) task.rgb[i / 4][i % 4] = &rgb[i * kWidth];
      entry.table->store(task);
    }
  });
}

// A latent of fp16 with one channel: ns_px is of a scalar.
void BenchUnpack(benchmark::State& state, TableEntry entry,
                 LatentLayout layout) {
  const std::vector<uint16_t> scalars(size_t(kWidth) * kHeight, 0x3400);
  std::vector<float> z(kWidth);
  const LatentView latent{.data = scalars.data(),
                          .size = scalars.size() * 2,
                          .layout = layout,
                          .channels = 1,
                          .extent = {kHeight, kWidth}};
  Report(state, entry, 0, [&] {
    for (int y = 0; y < kHeight; ++y)
      benchmark::DoNotOptimize(entry.table->unpack(
          {.latent = &latent, .affine = {}, .y = y, .z = z.data()}));
  });
}

void Register(const TableEntry& entry) {
  const std::string table = entry.table->name;
  const auto add = [&](const char* kernel, auto function, auto... rest) {
    benchmark::RegisterBenchmark(
        (std::string(kernel) + '/' + table).c_str(),
        [=](benchmark::State& state) { function(state, entry, rest...); })
        ->MinTime(0.3);
  };
  add("conv", BenchConv, false);
  add("conv_skip", BenchConv, true);
  add("upconv", BenchUpConv);
  add("rgb", BenchRgb);
  add("pool_stats", BenchPoolStats);
  add("pool", BenchPool);
  add("store_rgb", BenchStore, PixelFormat::kRgb);
  add("store_nv12", BenchStore, PixelFormat::kNv12);
  add("unpack_nchw", BenchUnpack, LatentLayout::kNchw);
  add("unpack_packed", BenchUnpack, LatentLayout::kPacked);
}

}  // namespace
}  // namespace tae

int main(int argc, char** argv) {
  for (const tae::TableEntry& entry : tae::KernelTables())
    if (entry.supported()) tae::Register(entry);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
