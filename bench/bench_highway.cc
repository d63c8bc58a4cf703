// The same kernels on our own wrappers of intrinsics and on Google Highway, in
// turns: how many times as long Highway takes. Results are compared, too.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/half.h"
#include "kernels/cpu.h"
#include "kernels/tables.h"

namespace tae {

extern const KernelTable kF16HighwayAvx2, kF32HighwayAvx2;
extern const KernelTable kF16HighwayAvx512, kF32HighwayAvx512;

namespace {

constexpr int kChannelsHere = 64;
constexpr int kWidth = 256;  // pixels: rows that stay in the caches, so that
constexpr int kHeight = 16;  // instructions are measured and not memory
constexpr int kTurns = 15;

// One side of a comparison: a table with packed weights and planes.
class Side {
 public:
  Side(const KernelTable& table, const ConvWeights& weights)
      : table_(table),
        conv_(table.pack_conv(weights)),
        upconv_(table.pack_upconv(weights)),
        row_bytes_((RowBytes(kWidth, table.bytes_per_channel) + 63) / 64 * 64),
        in_(row_bytes_ * (kHeight + 2)),
        out_(row_bytes_ * kHeight),
        scratch_(table.scratch_bytes) {
    std::memset(out_.data(), 0, out_.size());
    std::memset(scratch_.data(), 0, scratch_.size());
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    const size_t scalars = in_.size() / table.bytes_per_channel;
    for (size_t i = 0; i < scalars; ++i) Put(i, normal(random));
  }
  ~Side() {
    table_.free_layer(conv_);
    table_.free_layer(upconv_);
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  double Conv() {
    return Seconds([&] {
      for (int y = 0; y + 4 <= kHeight; y += 4) {
        ConvTask task = {};
        for (int r = 0; r < 6; ++r) task.in[r] = In(y + r);
        for (int r = 0; r < 4; ++r) task.out[r] = Out(y + r);
        task.tile_end = kWidth / 4;
        task.width = kWidth;
        task.relu = true;
        table_.conv(conv_, task, scratch_.data());
      }
    });
  }

  double UpConv() {
    return Seconds([&] {
      for (int y = 0; y + 4 <= kHeight; y += 4) {
        UpConvTask task = {};
        for (int r = 0; r < 3; ++r) task.in[r] = In(y / 2 + r);
        for (int r = 0; r < 4; ++r) task.out[r] = Out(y + r);
        task.tile_end = kWidth / 4 + 1;
        task.in_width = kWidth / 2;
        table_.upconv(upconv_, task, scratch_.data());
      }
    });
  }

  // The largest difference of the last outputs.
  double Difference(const Side& other) const {
    double most = 0;
    for (size_t i = 0; i < out_.size() / table_.bytes_per_channel; ++i)
      most = std::max(most, std::fabs(double(Get(i)) - other.Get(i)));
    return most;
  }

 private:
  template <class F>
  static double Seconds(F f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }
  bool half() const { return table_.bytes_per_channel == 2; }
  void Put(size_t i, float value) {
    if (half())
      reinterpret_cast<uint16_t*>(in_.data())[i] = F16FromFloat(value);
    else
      reinterpret_cast<float*>(in_.data())[i] = value;
  }
  float Get(size_t i) const {
    return half()
               ? FloatFromF16(reinterpret_cast<const uint16_t*>(out_.data())[i])
               : reinterpret_cast<const float*>(out_.data())[i];
  }
  uint8_t* In(int y) { return in_.data() + y * row_bytes_; }
  uint8_t* Out(int y) { return out_.data() + y * row_bytes_; }

  const KernelTable& table_;
  PackedLayer* conv_;
  PackedLayer* upconv_;
  size_t row_bytes_;
  AlignedBuffer in_, out_, scratch_;
};

ConvWeights Weights() {
  ConvWeights conv;
  conv.in_channels = conv.out_channels = kChannelsHere;
  conv.taps = 9;
  conv.weight.resize(size_t(kChannelsHere) * kChannelsHere * 9);
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 0.05f);
  for (float& w : conv.weight) w = normal(random);
  return conv;
}

void Compare(const char* name, const KernelTable& own,
             const KernelTable& highway, double (Side::*kernel)()) {
  const ConvWeights weights = Weights();
  Side a(own, weights), b(highway, weights);
  double least_a = 1e30, least_b = 1e30;
  for (int i = 0; i < kTurns; ++i) {
    least_a = std::min(least_a, (a.*kernel)());
    least_b = std::min(least_b, (b.*kernel)());
  }
  std::printf("%-22s own %7.1f us, Highway %7.1f us: %.2fx; differ by %.1e\n",
              name, least_a * 1e6, least_b * 1e6, least_b / least_a,
              a.Difference(b));
}

void CompareAll() {
  if (Cpu().avx2) {
    Compare("conv f32 avx2", kF32Avx2Table, kF32HighwayAvx2, &Side::Conv);
    Compare("conv f16 avx2", kF16Avx2Table, kF16HighwayAvx2, &Side::Conv);
    Compare("upconv f32 avx2", kF32Avx2Table, kF32HighwayAvx2, &Side::UpConv);
  }
  if (!Cpu().avx512) return;
  Compare("conv f32 avx512", kF32Avx512Table, kF32HighwayAvx512, &Side::Conv);
  Compare("conv f16 avx512", kF16Avx512Table, kF16HighwayAvx512, &Side::Conv);
  Compare("upconv f32 avx512", kF32Avx512Table, kF32HighwayAvx512,
          &Side::UpConv);
  if (Cpu().avx512_vnni)
    Compare("conv f16 avx512vnni", kF16Avx512VnniTable, kF16HighwayAvx512,
            &Side::Conv);
}

}  // namespace
}  // namespace tae

int main() { tae::CompareAll(); }
