// Reads safetensors: 8 bytes of header length (little endian), a JSON header,
// then the tensors' bytes without a hole.
// Format: https://github.com/huggingface/safetensors#format
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "io/tensor_file.h"
#include "tae/status.h"

namespace tae {

// Real headers are some kilobytes; a damaged length must not cost memory.
inline constexpr size_t kMaxSafetensorsHeader = size_t{16} << 20;

// `name` is for messages, `owner` keeps `bytes` alive. Every offset, size and
// name is checked: overlaps, holes, duplicate names and trailing bytes are
// kDataLoss. F64 becomes F32; tensors of other dtypes than these, F16, BF16 and
// F32 are only listed.
StatusOr<TensorFile> ParseSafetensors(const std::string& name,
                                      std::span<const uint8_t> bytes,
                                      std::shared_ptr<const void> owner);

}  // namespace tae
