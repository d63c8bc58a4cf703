// The ways in which published files name a decoder's tensors.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "io/tensor_file.h"

namespace tae {

// The decoder's tensors under upstream's names ("3.conv.0.weight").
struct DecoderTensors {
  std::string_view style;  // "" when the file has no decoder
  std::map<std::string, const TensorView*> by_name;
};

DecoderTensors FindDecoderTensors(const TensorFile& file);

// What else the file is, in words for a message: "an encoder, not a decoder",
// or "" when nobody knows. `decoder` may be empty.
std::string DescribeForeign(const TensorFile& file,
                            const DecoderTensors& decoder);

}  // namespace tae
