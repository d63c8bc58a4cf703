// What a file of weights is, from its header alone.
#include <string>

#include "io/latent_header.h"
#include "model/detect.h"
#include "model/key_style.h"
#include "model/variants.h"
#include "tae/decoder.h"

namespace tae {
namespace {

// Names and shapes without bytes. What is not of a weight's dtype is left out.
TensorFile ShapesOf(const SafetensorsJson& json) {
  TensorFile file;
  for (const SafetensorsEntry& entry : json.tensors) {
    TensorView tensor;
    tensor.name = entry.name;
    tensor.dims = entry.dims;
    if (entry.dtype == "F16")
      tensor.dtype = DType::kF16;
    else if (entry.dtype == "BF16")
      tensor.dtype = DType::kBF16;
    else if (entry.dtype != "F32" && entry.dtype != "F64")
      continue;
    file.tensors.push_back(std::move(tensor));
  }
  return file;
}

// "flux1 or sd3": the spaces whose published decoder is built like this.
std::string SpacesOf(const ModelSpec& spec) {
  std::string names;
  for (const VariantInfo& variant : Variants()) {
    const auto architecture = ArchitectureOf(variant.name);
    if (!architecture || architecture->name != spec.name) continue;
    names += names.empty() ? "" : " or ";
    names += variant.name;
  }
  return names;
}

}  // namespace

std::string DescribeWeights(const void* bytes, size_t size) {
  uint64_t needed = 0;
  const auto prefix = ReadStreamPrefix(static_cast<const uint8_t*>(bytes), size,
                                       {.payload_bytes = UINT64_MAX}, &needed);
  if (!prefix.ok() || !prefix->has_value()) return "";
  if (ChooseLatent((*prefix)->json).ok()) return "";
  const TensorFile file = ShapesOf((*prefix)->json);
  const std::string count =
      " (" + std::to_string((*prefix)->json.tensors.size()) + " tensors)";
  const auto spec = DetectSpec(file);
  if (!spec.ok()) {
    const std::string foreign = DescribeForeign(file, FindDecoderTensors(file));
    return foreign.empty() ? "" : "weights: " + foreign + count;
  }
  const std::string spaces = SpacesOf(*spec);
  return "weights of a tiny decoder" +
         (spaces.empty() ? count : " for " + spaces + count);
}

}  // namespace tae
