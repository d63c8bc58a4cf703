// What every weight-file reader yields: named tensors that view into bytes
// which the TensorFile keeps alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_bytes.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

// A tensor inside a file: row-major, contiguous, no alignment assumed.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;
  const uint8_t* data = nullptr;
  size_t size = 0;        // bytes
  bool from_f64 = false;  // stored as F64, kF32 here
};

enum class FileFormat : uint8_t { kSafetensors, kPth };

// The content of one file. The views stay valid as long as `bytes` lives.
struct TensorFile {
  std::string path;
  FileFormat format = FileFormat::kSafetensors;
  std::vector<TensorView> tensors;              // in the order of the file
  std::map<std::string, std::string> metadata;  // safetensors __metadata__
  // Well-formed, but of a dtype that is not read here: "step (I64)".
  std::vector<std::string> skipped;
  std::shared_ptr<const void> bytes;                   // of the file
  std::vector<std::shared_ptr<const void>> converted;  // what was F64

  const TensorView* Find(const std::string& name) const {
    for (const TensorView& tensor : tensors)
      if (tensor.name == name) return &tensor;
    return nullptr;
  }
};

// A format by its first bytes. kUnsupported, and what it looks like, for
// anything else.
StatusOr<FileFormat> SniffFormat(const std::string& path,
                                 std::span<const uint8_t> bytes);

// Reads any format that SniffFormat knows. Errors: kDataLoss, kUnsupported.
StatusOr<TensorFile> ParseTensorFile(
    const std::shared_ptr<const FileBytes>& file);

// Adds a tensor of F64, `size` bytes at `data`, as F32.
void AddF64(std::string name, std::vector<int64_t> dims, const uint8_t* data,
            size_t size, TensorFile* file);

// For messages: "[1, 32, 64, 64]", "F16".
std::string DimsText(const std::vector<int64_t>& dims);
std::string_view DTypeText(DType dtype);

}  // namespace tae
