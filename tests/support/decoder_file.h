// A decoder of the TAESD family as a file, for tests that need no published
// one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/safetensors_writer.h"

namespace tae {

// The tensors of a decoder of `channels`, F16, filled with small numbers, under
// upstream's names.
inline std::vector<TensorToWrite> DecoderTensors(int channels, bool pool) {
  std::vector<TensorToWrite> tensors;
  const auto add = [&](const std::string& name, std::vector<int64_t> dims) {
    int64_t count = 1;
    for (const int64_t dim : dims) count *= dim;
    std::vector<uint8_t> bytes;
    for (int64_t i = 0; i < count; ++i) {
      bytes.push_back(static_cast<uint8_t>(i * 7 + tensors.size()));
      bytes.push_back(0x24 + static_cast<uint8_t>(i % 3));
    }
    tensors.push_back({name, "F16", std::move(dims), std::move(bytes)});
  };
  const auto conv = [&](const std::string& name, int out, int in, bool bias) {
    add(name + ".weight", {out, in, 3, 3});
    if (bias) add(name + ".bias", {out});
  };
  conv("1", 64, channels, true);
  for (int layer : {3, 4, 5, 8, 9, 10, 13, 14, 15, 18}) {
    const std::string name = std::to_string(layer);
    for (const char* part : {".conv.0", ".conv.2", ".conv.4"}) {
      conv(name + part, 64, 64, true);
    }
    if (!pool || layer > 5) continue;
    add(name + ".pool.0.weight", {256, 64, 1, 1});
    add(name + ".pool.1.weight", {256});
    add(name + ".pool.1.bias", {256});
    add(name + ".pool.3.weight", {64, 256, 1, 1});
  }
  for (int layer : {7, 12, 17}) conv(std::to_string(layer), 64, 64, false);
  conv("19", 3, 64, true);
  return tensors;
}

}  // namespace tae
