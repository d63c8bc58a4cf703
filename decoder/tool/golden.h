// A golden case: a latent and the picture that float64 made of it.
#pragma once

#include <string>
#include <vector>

#include "io/tensor_file.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae::tool {

struct Golden {
  TensorFile file;           // keeps the latent's bytes
  LatentView latent;         // [1, C, H, W], sampler's domain
  std::vector<float> image;  // [3][height][width], 0..1
  Extent image_extent;
  std::string variant;  // metadata "variant"
  std::string weights;  // metadata "weights", beside the case; "" = published
};

// Safetensors with tensors "latent" [1, C, H, W] and "image" [1, 3, h, w].
StatusOr<Golden> ReadGolden(const std::string& path);

}  // namespace tae::tool
