// The layers that the kernels are fuzzed with.
#pragma once

#include <random>
#include <vector>

#include "decoder/kernels/naive.h"
#include "decoder/kernels/plane.h"

namespace tae::testing {

struct FuzzLayer {
  ConvWeights conv;
  float size = 0;
};

// The layers that the rounds choose from; packed once for each table.
struct FuzzLayers {
  FuzzLayers() {
    std::mt19937 random(3);
    const auto add = [&](std::vector<FuzzLayer>* to, int in, int out, bool bias,
                         float size) {
      to->push_back({RandomConv(in, out, 9, bias, size, &random), size});
    };
    add(&convs, 64, 64, true, 0.05f);
    add(&convs, 64, 64, false, 1e-3f);
    add(&convs, 4, 64, true, 0.2f);
    add(&convs, 64, 12, true, 0.1f);
    add(&upconvs, 64, 64, true, 0.05f);
    add(&upconvs, 64, 64, false, 1e-3f);
    add(&rgbs, 64, 3, true, 0.05f);
    add(&rgbs, 64, 3, false, 1e-3f);
    pool.weights.expand = RandomConv(64, 256, 1, false, 0.1f, &random);
    pool.weights.contract = RandomConv(256, 64, 1, false, 0.1f, &random);
    const ConvWeights affine = RandomConv(1, 256, 1, true, 1.0f, &random);
    pool.weights.gamma = affine.weight;
    pool.weights.beta = affine.bias;
  }
  std::vector<FuzzLayer> convs, upconvs, rgbs;
  NaivePool pool;
};

}  // namespace tae::testing
