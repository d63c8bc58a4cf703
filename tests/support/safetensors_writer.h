// Safetensors in memory, right or, on request, wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tae {

struct TensorToWrite {
  std::string name;
  std::string dtype = "F32";
  std::vector<int64_t> dims;
  std::vector<uint8_t> bytes;
};

// `header` as it is, whatever it says, then `data`.
inline std::vector<uint8_t> SafetensorsBytes(const std::string& header,
                                             const std::vector<uint8_t>& data) {
  std::vector<uint8_t> file;
  for (int i = 0; i < 8; ++i) {
    file.push_back(static_cast<uint8_t>(uint64_t{header.size()} >> (8 * i)));
  }
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

// Names and metadata must need no escape.
inline std::vector<uint8_t> WriteSafetensors(
    const std::vector<TensorToWrite>& tensors,
    const std::string& metadata_json = "") {
  std::string header = "{";
  if (!metadata_json.empty()) {
    header += "\"__metadata__\":" + metadata_json;
  }
  std::vector<uint8_t> data;
  for (const TensorToWrite& tensor : tensors) {
    std::string dims;
    for (const int64_t dim : tensor.dims) {
      dims += (dims.empty() ? "" : ",") + std::to_string(dim);
    }
    const size_t end = data.size() + tensor.bytes.size();
    header += (header.size() > 1 ? ",\"" : "\"") + tensor.name +
              "\":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[" + dims +
              "],\"data_offsets\":[" + std::to_string(data.size()) + "," +
              std::to_string(end) + "]}";
    data.insert(data.end(), tensor.bytes.begin(), tensor.bytes.end());
  }
  return SafetensorsBytes(header + "}", data);
}

}  // namespace tae
