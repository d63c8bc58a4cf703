// What every weight-file reader yields: named tensors that view into bytes
// which the TensorFile keeps alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tae/types.h"

namespace tae {

// A tensor inside a file: row-major, contiguous, no alignment assumed.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;
  const uint8_t* data = nullptr;
  size_t size = 0;  // bytes
};

// The content of one file. The views stay valid as long as `bytes` lives.
struct TensorFile {
  std::string path;
  std::vector<TensorView> tensors;              // in the order of the file
  std::map<std::string, std::string> metadata;  // safetensors __metadata__
  std::shared_ptr<const void> bytes;            // the mapping or the buffer

  const TensorView* Find(const std::string& name) const {
    for (const TensorView& tensor : tensors)
      if (tensor.name == name) return &tensor;
    return nullptr;
  }
};

}  // namespace tae
