// What a plan is made of: tensors with lifetimes and a flat list of steps.
// Nothing here knows an instruction set or a variant.
//
// | kind       | halo | scale | barrier | reads              | writes         |
// |------------|------|-------|---------|--------------------|----------------|
// | kLoad      | 0    | 1     | no      | the latent         | tensor         |
// | kConv      | 1    | 1     | no      | tensor [+ skip]    | tensor         |
// | kUpConv    | 1    | 2     | no      | tensor             | tensor         |
// | kPool      | 0    | 1     | yes     | tensor             | same, in place |
// | kStoreRgb  | 1    | 1     | no      | tensor             | the frame      |
// | kShuffle   | 0    | 2, 4  | no      | tensor             | the frame      |
// | kLinearRgb | 0    | 8     | no      | the latent         | the frame      |
//
// halo: rows and columns of context around an output element, in input
// elements. scale: output extent / input extent. barrier: every input row must
// exist before the first output row (GroupNorm has statistics of the plane).
#pragma once

#include <cstdint>

#include "tae/types.h"

namespace tae {

enum class StepKind : uint8_t {
  kLoad,       // unpack, to float, to the sampler's domain, soft clamp
  kConv,       // 3x3, zero padding; bias, skip and ReLU in the epilogue
  kUpConv,     // nearest x2, then 3x3; bias and ReLU in the epilogue
  kPool,       // x += contract(relu(group_norm(expand(x))))
  kStoreRgb,   // 3x3 to 3 channels, clamp, round, pixel format
  kShuffle,    // pixel shuffle to RGB, clamp, round, pixel format
  kLinearRgb,  // 1x1 to 3 channels, nearest to pixels, clamp, round, format
};

// What follows the sum of a convolution: relu(sum + bias + skip).
struct Epilogue {
  bool relu = false;
  int skip = -1;  // tensor that is added; -1 = none
};

inline constexpr int kNoTensor = -1;  // the latent or the frame

struct Step {
  StepKind kind = StepKind::kLoad;
  int layer = 0;  // of ModelSpec::layers: where the weights are
  int conv = 0;   // which convolution of that layer
  int input = kNoTensor;
  int output = kNoTensor;
  Epilogue epilogue = {};
};

// An activation between two steps. It is written first by first_step and read
// last by last_step; outside of these its memory belongs to others.
struct Tensor {
  int channels = 0;
  Extent extent;
  int first_step = 0;
  int last_step = 0;
};

constexpr bool IsBarrier(StepKind kind) { return kind == StepKind::kPool; }

constexpr const char* ToString(StepKind kind) {
  switch (kind) {
    case StepKind::kLoad:
      return "load";
    case StepKind::kConv:
      return "conv3x3";
    case StepKind::kUpConv:
      return "upconv3x3";
    case StepKind::kPool:
      return "pool";
    case StepKind::kStoreRgb:
      return "store_rgb";
    case StepKind::kShuffle:
      return "shuffle";
    case StepKind::kLinearRgb:
      return "linear_rgb";
  }
  return "?";
}

}  // namespace tae
