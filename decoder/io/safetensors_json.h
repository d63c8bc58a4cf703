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

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // "F16", one of the format's names
  std::vector<int64_t> dims;
  uint64_t begin = 0;  // bytes, from the start of the data
  uint64_t end = 0;
};

struct SafetensorsJson {
  std::vector<SafetensorsEntry> tensors;  // in the order of their data
  std::map<std::string, std::string> metadata;
  uint64_t data_size = 0;
};

// Checks syntax, duplicate keys, types, sizes against shapes, and that the data
// has no hole and no overlap. Needs memory in proportion to the text only.
// A dtype that is not known here is no error, for the format grows and a reader
// may not want that tensor: of such ones the size is taken as it is.
// Errors: kDataLoss.
StatusOr<SafetensorsJson> ParseSafetensorsJson(std::string_view text);

// Bytes of one scalar of a dtype of the format; 0 when there is no such one
// here, or when it is not of whole bytes (F4).
int SafetensorsScalarSize(std::string_view dtype);

}  // namespace tae
