// Messages of the latent stream, made by hand for tests: what a producer (or an
// attacker) sends, independent of the library's own writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tae::testing {

inline std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += static_cast<char>(value >> (8 * i) & 255);
  return text;
}

// A safetensors message with this JSON, as it is.
inline std::string Safetensors(std::string_view json, std::string_view data) {
  return LittleEndian(json.size(), 8) + std::string(json) + std::string(data);
}

inline std::string Npy(std::string dict, std::string_view data) {
  dict += "\n";
  return std::string("\x93NUMPY\x01\x00", 8) + LittleEndian(dict.size(), 2) +
         dict + std::string(data);
}

// [1, 1, 2, 2] of F16 0, 1, 2, 3 with one metadata key.
inline std::string SmallMessage(std::string_view step = "1") {
  return Safetensors(R"({"__metadata__":{"step":")" + std::string(step) +
                         R"("},"latent":{"dtype":"F16","shape":[1,1,2,2],)" +
                         R"("data_offsets":[0,8]}})",
                     std::string("\x00\x00\x00\x3c\x00\x40\x00\x42", 8));
}

}  // namespace tae::testing
