// What the kernels compute, as plain loops in double, and how far a kernel may
// be from that.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "decoder/kernels/plane.h"
#include "kernels/tables.h"

namespace tae::testing {

// Largest error of a convolution, as a part of the largest output.
inline double ConvBound(const TableEntry& entry) {
  const bool split =
      std::string(entry.table->name).find("bf16x4") != std::string::npos;
  switch (entry.precision) {
    case Precision::kF32:
      return split ? 2e-4 : 1e-5;
    case Precision::kF16:
      return 3e-3;
    case Precision::kBF16:
      return 4e-2;
    case Precision::kInt8:
    case Precision::kAuto:
      break;
  }
  return 6e-2;
}

// [y][x][c], one column and row of zeros around it.
inline std::vector<float> ValuesWithBorder(Plane& in, int channels) {
  std::vector<float> values(size_t(in.height() + 2) * (in.width() + 2) *
                            channels);
  for (int y = 0; y < in.height(); ++y)
    for (int x = 0; x < in.width(); ++x)
      for (int c = 0; c < channels; ++c)
        values[(size_t(y + 1) * (in.width() + 2) + x + 1) * channels + c] =
            float(in.Get(y, x, c));
  return values;
}

// [tap][in][out], so that the innermost loop runs over the outputs.
inline std::vector<float> WeightsByTap(const ConvWeights& conv) {
  std::vector<float> weights(conv.weight.size());
  const int outs = conv.out_channels, ins = conv.in_channels;
  for (int o = 0; o < outs; ++o)
    for (int i = 0; i < ins; ++i)
      for (int tap = 0; tap < 9; ++tap)
        weights[(size_t(tap) * ins + i) * outs + o] =
            conv.weight[(size_t(o) * ins + i) * 9 + tap];
  return weights;
}

// [y][x][out channel].
inline std::vector<double> NaiveConv(const ConvWeights& conv, Plane& in,
                                     Plane* skip, bool relu) {
  const int outs = conv.out_channels, ins = conv.in_channels;
  const std::vector<float> values = ValuesWithBorder(in, ins);
  const std::vector<float> weights = WeightsByTap(conv);
  std::vector<double> out(size_t(in.height()) * in.width() * outs);
  double* sums = out.data();
  for (int y = 0; y < in.height(); ++y)
    for (int x = 0; x < in.width(); ++x, sums += outs) {
      for (int o = 0; o < outs; ++o)
        sums[o] = conv.bias.empty() ? 0 : conv.bias[o];
      for (int tap = 0; tap < 9; ++tap)
        for (int i = 0; i < ins; ++i) {
          const double value =
              values[(size_t(y + tap / 3) * (in.width() + 2) + x + tap % 3) *
                         ins +
                     i];
          const float* w = &weights[(size_t(tap) * ins + i) * outs];
          for (int o = 0; o < outs; ++o) sums[o] += value * w[o];
        }
      for (int o = 0; o < outs; ++o) {
        if (skip != nullptr) sums[o] += skip->Get(y, x, o);
        if (relu) sums[o] = std::max(sums[o], 0.0);
      }
    }
  return out;
}

struct NaivePool {
  PoolWeights weights;
  std::vector<double> Run(Plane& in) const;
};

inline std::vector<double> NaivePool::Run(Plane& in) const {
  const size_t pixels = size_t(in.height()) * in.width();
  std::vector<double> hidden(pixels * kPoolWidth);
  for (size_t p = 0; p < pixels; ++p)
    for (int o = 0; o < kPoolWidth; ++o)
      for (int i = 0; i < kChannels; ++i)
        hidden[p * kPoolWidth + o] +=
            in.Get(int(p / in.width()), int(p % in.width()), i) *
            weights.expand.weight[o * kChannels + i];
  constexpr int kGroup = kPoolWidth / kPoolGroups;
  for (int g = 0; g < kPoolGroups; ++g) {
    double sum = 0, squares = 0;
    for (size_t p = 0; p < pixels; ++p)
      for (int o = g * kGroup; o < (g + 1) * kGroup; ++o)
        sum += hidden[p * kPoolWidth + o];
    const double mean = sum / double(pixels * kGroup);
    for (size_t p = 0; p < pixels; ++p)
      for (int o = g * kGroup; o < (g + 1) * kGroup; ++o)
        squares += std::pow(hidden[p * kPoolWidth + o] - mean, 2);
    const double inverse =
        1 / std::sqrt(squares / double(pixels * kGroup) + kPoolEpsilon);
    for (size_t p = 0; p < pixels; ++p)
      for (int o = g * kGroup; o < (g + 1) * kGroup; ++o) {
        double& h = hidden[p * kPoolWidth + o];
        h = std::max(0.0,
                     (h - mean) * inverse * weights.gamma[o] + weights.beta[o]);
      }
  }
  std::vector<double> out;
  for (size_t p = 0; p < pixels; ++p)
    for (int c = 0; c < kChannels; ++c) {
      double sum = in.Get(int(p / in.width()), int(p % in.width()), c);
      for (int o = 0; o < kPoolWidth; ++o)
        sum += hidden[p * kPoolWidth + o] *
               weights.contract.weight[c * kPoolWidth + o];
      out.push_back(sum);
    }
  return out;
}

}  // namespace tae::testing
