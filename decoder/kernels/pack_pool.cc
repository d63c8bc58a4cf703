// The pool of the middle block: x += contract(relu(group_norm(expand(x)))).
// Mean and variance of expand(x) follow from sums and Gram matrix of x, so the
// 256 channels are never stored and the norm becomes part of the expansion.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/pack.h"
#include "kernels/pack_bfloat.h"
#include "kernels/packed_block.h"
#include "kernels/packed_layout.h"

namespace tae {
namespace {

constexpr int kGroupOutputs = kPoolWidth / kPoolGroups;

struct PoolArrays {
  float *expand, *gamma, *beta;
  void* contract;
  double *squares, *sums;
};

PackedPool* NewPackedPool(PoolArrays* to) {
  constexpr size_t kMatrix = kChannels * kPoolWidth * sizeof(float);
  constexpr size_t kVector = kPoolWidth * sizeof(float);
  constexpr size_t kSquares =
      kPoolGroups * kChannels * kChannels * sizeof(double);
  constexpr size_t kSums = kPoolGroups * kChannels * sizeof(double);
  auto* layer =
      NewPacked<PackedPool>(2 * kMatrix + 2 * kVector + kSquares + kSums);
  if (layer == nullptr) return nullptr;
  PackedArrays arrays(layer);
  layer->expand = to->expand = arrays.Take<float>(kChannels * kPoolWidth);
  layer->contract = to->contract = arrays.Take<float>(kChannels * kPoolWidth);
  layer->gamma = to->gamma = arrays.Take<float>(kPoolWidth);
  layer->beta = to->beta = arrays.Take<float>(kPoolWidth);
  layer->squares = to->squares =
      arrays.Take<double>(kPoolGroups * kChannels * kChannels);
  layer->sums = to->sums = arrays.Take<double>(kPoolGroups * kChannels);
  return layer;
}

// Weight (in, out) of the contraction, in floats or on tiles; both take as much
// memory.
struct FloatOrder {
  static void Contract(float w, int in, int out, void* to) {
    static_cast<float*>(to)[in * kChannels + out] = w;
  }
};
struct TileOrder {
  static constexpr int kParts = 2;
  static void Contract(float w, int in, int out, void* to) {
    StoreBFloat(w, in % kChannels, out, kParts, Square(to, in));
  }
  static uint16_t* Square(void* to, int hidden) {
    return static_cast<uint16_t*>(to) +
           hidden / kChannels * BFloatSquare(kParts);
  }
};

// Sums over the outputs of a group: of its weights, and of their products.
void SumGroup(const float* expand, int group, double* sums, double* squares) {
  const int begin = group * kGroupOutputs;
  for (int out = begin; out < begin + kGroupOutputs; ++out)
    for (int i = 0; i < kChannels; ++i) {
      const double w = expand[i * kPoolWidth + out];
      sums[i] += w;
      for (int j = i; j < kChannels; ++j)
        squares[i * kChannels + j] +=
            (i == j ? 1 : 2) * w * expand[j * kPoolWidth + out];
    }
}

template <class Order>
PackedLayer* PackPoolAs(const PoolWeights& pool) {
  PoolArrays to;
  PackedPool* layer = NewPackedPool(&to);
  if (layer == nullptr) return nullptr;
  for (int out = 0; out < kPoolWidth; ++out)
    for (int in = 0; in < kChannels; ++in) {
      to.expand[in * kPoolWidth + out] =
          pool.expand.weight[out * kChannels + in];
      Order::Contract(pool.contract.weight[in * kPoolWidth + out], out, in,
                      to.contract);
    }
  std::copy(pool.gamma.begin(), pool.gamma.end(), to.gamma);
  std::copy(pool.beta.begin(), pool.beta.end(), to.beta);
  for (int group = 0; group < kPoolGroups; ++group)
    SumGroup(to.expand, group, to.sums + group * kChannels,
             to.squares + group * kChannels * kChannels);
  return ToPacked(layer);
}

}  // namespace

PackedLayer* PackPool(const PoolWeights& pool) {
  return PackPoolAs<FloatOrder>(pool);
}
PackedLayer* PackPoolTiles(const PoolWeights& pool) {
  return PackPoolAs<TileOrder>(pool);
}

void NormalisePool(const PackedLayer* packed, const double* stats,
                   double pixels, double* factor, float* bias) {
  const auto* layer = reinterpret_cast<const PackedPool*>(packed);
  double mean[kPoolGroups] = {}, square[kPoolGroups] = {};
  for (int i = 0; i < kChannels; ++i) {
    for (int group = 0; group < kPoolGroups; ++group)
      mean[group] += layer->sums[group * kChannels + i] * stats[i];
    for (int j = i; j < kChannels; ++j)
      for (int group = 0; group < kPoolGroups; ++group)
        square[group] +=
            layer->squares[(group * kChannels + i) * kChannels + j] *
            stats[kChannels + i * kChannels + j];
  }
  for (int out = 0; out < kPoolWidth; ++out) {
    const int group = out / kGroupOutputs;
    const double average = mean[group] / (kGroupOutputs * pixels);
    const double variance = std::max(
        square[group] / (kGroupOutputs * pixels) - average * average, 0.0);
    factor[out] = 1 / std::sqrt(variance + kPoolEpsilon) * layer->gamma[out];
    bias[out] = static_cast<float>(layer->beta[out] - average * factor[out]);
  }
}

void FoldPool(const PackedLayer* packed, const double* stats, double pixels,
              void* folded) {
  const auto* layer = reinterpret_cast<const PackedPool*>(packed);
  auto* to = static_cast<FoldedPool*>(folded);
  double factor[kPoolWidth];
  to->contract = layer->contract;
  NormalisePool(packed, stats, pixels, factor, to->bias);
  for (int in = 0; in < kChannels; ++in)
    for (int out = 0; out < kPoolWidth; ++out)
      to->expand[in * kPoolWidth + out] = static_cast<float>(
          layer->expand[in * kPoolWidth + out] * factor[out]);
}

}  // namespace tae
