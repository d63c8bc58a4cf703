// The table that runs everywhere: float activations, direct loops. The scalar
// twin of every other table, and the baseline of a CPU that has none.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "kernels/reference/store.h"
#include "kernels/reference/unpack.h"
#include "kernels/select.h"

namespace tae {

// [taps][in][out] weights and the bias; a pool has two of them and its norm.
struct PackedLayer {
  int in = 0;
  int out = 0;
  std::vector<float> weight;
  std::vector<float> bias;
  std::vector<float> contract;  // [256][64]
  std::vector<float> gamma;
  std::vector<float> beta;
};

namespace {

constexpr int kMaxOut = kChannels;

PackedLayer* PackConv(const ConvWeights& conv) {
  auto* layer = new (std::nothrow) PackedLayer;
  if (layer == nullptr) return nullptr;
  layer->in = conv.in_channels;
  layer->out = conv.out_channels;
  layer->weight.resize(conv.weight.size());
  for (int o = 0; o < layer->out; ++o)
    for (int i = 0; i < layer->in; ++i)
      for (int tap = 0; tap < conv.taps; ++tap)
        layer->weight[(size_t(tap) * layer->in + i) * layer->out + o] =
            conv.weight[(size_t(o) * layer->in + i) * conv.taps + tap];
  layer->bias = conv.bias;
  layer->bias.resize(layer->out);
  return layer;
}

PackedLayer* PackPool(const PoolWeights& pool) {
  PackedLayer* layer = PackConv(pool.expand);
  if (layer == nullptr) return nullptr;
  layer->contract.resize(pool.contract.weight.size());
  for (int o = 0; o < kChannels; ++o)
    for (int i = 0; i < kPoolWidth; ++i)
      layer->contract[i * kChannels + o] =
          pool.contract.weight[o * kPoolWidth + i];
  layer->gamma = pool.gamma;
  layer->beta = pool.beta;
  return layer;
}

void FreeLayer(PackedLayer* layer) { delete layer; }

size_t LayerBytes(const PackedLayer* layer) {
  return sizeof(*layer) +
         sizeof(float) * (layer->weight.size() + layer->bias.size() +
                          layer->contract.size() + layer->gamma.size() +
                          layer->beta.size());
}

// Pixel x of a row, x from -1.
const float* Pixel(const void* row, int x) {
  return static_cast<const float*>(row) + (x + 1) * int64_t{kChannels};
}
float* Pixel(void* row, int x) {
  return static_cast<float*>(row) + (x + 1) * int64_t{kChannels};
}

void AddTap(const PackedLayer& layer, int tap, const float* pixel, float* sum) {
  const float* weight =
      layer.weight.data() + size_t(tap) * layer.in * layer.out;
  for (int i = 0; i < layer.in; ++i, weight += layer.out)
    for (int o = 0; o < layer.out; ++o) sum[o] += weight[o] * pixel[i];
}

void Load(const LoadTask& task) {
  for (int x = 0; x < task.width; ++x) {
    float* out = Pixel(task.out, x);
    for (int c = 0; c < task.channels; ++c)
      out[c] = 3 * std::tanh(task.z[int64_t{c} * task.width + x] / 3);
    std::fill(out + task.channels, out + kChannels, 0.0f);
  }
}

void Conv(const PackedLayer* layer, const ConvTask& task, void*) {
  const int end = std::min(task.tile_end * kTile, task.width);
  for (int r = 0; r < kTile; ++r) {
    if (task.out[r] == nullptr) continue;
    for (int x = task.tile_begin * kTile; x < end; ++x) {
      float sum[kMaxOut];
      std::copy_n(layer->bias.data(), layer->out, sum);
      for (int tap = 0; tap < 9; ++tap)
        AddTap(*layer, tap, Pixel(task.in[r + tap / 3], x + tap % 3 - 1), sum);
      for (int o = 0; o < layer->out; ++o) {
        if (task.skip[r] != nullptr) sum[o] += Pixel(task.skip[r], x)[o];
        Pixel(task.out[r], x)[o] = task.relu ? std::max(sum[o], 0.0f) : sum[o];
      }
    }
  }
}

void UpConv(const PackedLayer* layer, const UpConvTask& task, void*) {
  const int begin = std::max(task.tile_begin * kTile - 1, 0);
  const int end = std::min(task.tile_end * kTile - 1, 2 * task.in_width);
  for (int r = 0; r < kTile; ++r) {
    if (task.out[r] == nullptr) continue;
    for (int x = begin; x < end; ++x) {
      float sum[kMaxOut] = {};
      std::copy_n(layer->bias.data(), layer->out, sum);
      for (int tap = 0; tap < 9; ++tap) {
        // Row 4t - 1 + r + dy of the doubled input is input row
        // 2t - 1 + (r + dy + 1) / 2 for r + dy >= -1.
        const int row = (r + tap / 3) / 2;
        AddTap(*layer, tap, Pixel(task.in[row], (x + tap % 3 - 1) >> 1), sum);
      }
      for (int o = 0; o < kChannels; ++o)
        Pixel(task.out[r], x)[o] = task.relu ? std::max(sum[o], 0.0f) : sum[o];
    }
  }
}

void Rgb(const PackedLayer* layer, const RgbTask& task, void*) {
  const int end = std::min(task.tile_end * kTile, task.width);
  for (int r = 0; r < kTile && task.rgb[0][r] != nullptr; ++r)
    for (int x = task.tile_begin * kTile; x < end; ++x) {
      float sum[kMaxOut];
      std::copy_n(layer->bias.data(), 3, sum);
      for (int tap = 0; tap < 9; ++tap)
        AddTap(*layer, tap, Pixel(task.in[r + tap / 3], x + tap % 3 - 1), sum);
      for (int c = 0; c < 3; ++c) task.rgb[c][r][x] = sum[c];
    }
}

void Shuffle(const ShuffleTask& task) {
  const int scale = task.scale;
  for (int i = 0; i < task.width; ++i)
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < scale; ++y)
        for (int x = 0; x < scale; ++x)
          task.rgb[c][y][i * scale + x] =
              Pixel(task.row, i)[(c * scale + y) * scale + x];
}

// stats: [64] sums, then [64][64] sums of products.
void PoolStats(const void* const* rows, int row_count, int width, float* stats,
               void*) {
  for (int row = 0; row < row_count; ++row)
    for (int x = 0; x < width; ++x) {
      const float* pixel = Pixel(rows[row], x);
      for (int a = 0; a < kChannels; ++a) {
        stats[a] += pixel[a];
        float* products = stats + kChannels + a * kChannels;
        for (int b = 0; b < kChannels; ++b) products[b] += pixel[a] * pixel[b];
      }
    }
}

struct FoldedPool {
  float expand[kChannels * kPoolWidth];  // [in][out]
  float bias[kPoolWidth];
  const PackedLayer* layer;
};

// Mean of w.x and of (w.x)^2 over the plane, from the sums over x.
void Moments(const PackedLayer& layer, const double* stats, int k, double* mean,
             double* square) {
  const double* products = stats + kChannels;
  for (int a = 0; a < kChannels; ++a) {
    const double wa = layer.weight[a * kPoolWidth + k];
    *mean += wa * stats[a];
    double row = 0;
    for (int b = 0; b < kChannels; ++b)
      row += products[a * kChannels + b] * layer.weight[b * kPoolWidth + k];
    *square += wa * row;
  }
}

void FoldPool(const PackedLayer* layer, const double* stats, double pixels,
              void* folded) {
  auto* fold = static_cast<FoldedPool*>(folded);
  constexpr int kGroup = kPoolWidth / kPoolGroups;
  fold->layer = layer;
  for (int g = 0; g < kPoolGroups; ++g) {
    double mean = 0, square = 0;
    for (int k = g * kGroup; k < (g + 1) * kGroup; ++k)
      Moments(*layer, stats, k, &mean, &square);
    mean /= pixels * kGroup;
    square /= pixels * kGroup;
    const double variance = std::max(square - mean * mean, 0.0);
    const double inverse = 1 / std::sqrt(variance + kPoolEpsilon);
    for (int k = g * kGroup; k < (g + 1) * kGroup; ++k) {
      const double scale = inverse * layer->gamma[k];
      fold->bias[k] = static_cast<float>(layer->beta[k] - mean * scale);
      for (int i = 0; i < kChannels; ++i)
        fold->expand[i * kPoolWidth + k] =
            static_cast<float>(layer->weight[i * kPoolWidth + k] * scale);
    }
  }
}

void Pool(const void* folded, const PoolTask& task, void*) {
  const auto* fold = static_cast<const FoldedPool*>(folded);
  for (int x = task.begin; x < task.end; ++x) {
    float* pixel = Pixel(task.row, x);
    float hidden[kPoolWidth];
    std::copy_n(fold->bias, kPoolWidth, hidden);
    for (int i = 0; i < kChannels; ++i)
      for (int k = 0; k < kPoolWidth; ++k)
        hidden[k] += fold->expand[i * kPoolWidth + k] * pixel[i];
    for (int k = 0; k < kPoolWidth; ++k)
      for (int o = 0; o < kChannels; ++o)
        pixel[o] += fold->layer->contract[k * kChannels + o] *
                    std::max(hidden[k], 0.0f);
  }
}

constexpr KernelTable MakeTable() {
  KernelTable table;
  table.name = "f32_direct__scalar";
  table.bytes_per_channel = sizeof(float);
  table.pack_conv = PackConv;
  table.pack_upconv = PackConv;
  table.pack_rgb = PackConv;
  table.pack_pool = PackPool;
  table.free_layer = FreeLayer;
  table.layer_bytes = LayerBytes;
  table.unpack = reference::Unpack;
  table.store = reference::Store;
  table.load = Load;
  table.conv = Conv;
  table.upconv = UpConv;
  table.rgb = Rgb;
  table.shuffle = Shuffle;
  table.pool_stats_floats = kChannels + kChannels * kChannels;
  table.pool_folded_bytes = sizeof(FoldedPool);
  table.pool_stats = PoolStats;
  table.fold_pool = FoldPool;
  table.pool = Pool;
  return table;
}

}  // namespace

const KernelTable kScalarTable = MakeTable();

}  // namespace tae
