// The JSON header of safetensors, checked completely: what a reader may trust
// before it touches a byte of payload.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tae/status.h"

namespace tae {

struct StreamTensor {
  std::string name;
  std::string dtype;  // "F16", one of the format's names
  std::vector<int64_t> dims;
  uint64_t begin = 0;  // bytes, from the start of the data
  uint64_t end = 0;
};

struct StreamJson {
  std::vector<StreamTensor> tensors;  // in the order of their data
  std::map<std::string, std::string> metadata;
  uint64_t data_size = 0;
};

// Checks syntax, duplicate keys, types, sizes against shapes, and that the data
// has no hole and no overlap. Needs memory in proportion to the text only.
// Errors: kDataLoss, kUnsupported (a dtype that the format does not have).
StatusOr<StreamJson> ParseStreamJson(std::string_view text);

// Bytes of one scalar of a dtype of the format; 0 when there is no such one.
int StreamScalarSize(std::string_view dtype);

}  // namespace tae
