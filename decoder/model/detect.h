// Which network a file of tensors holds, told by names and shapes alone.
#pragma once

#include <string>
#include <vector>

#include "io/tensor_file.h"
#include "model/model.h"
#include "model/model_spec.h"
#include "tae/status.h"

namespace tae {

// A file of tensors understood as a decoder that this library runs.
struct Detected {
  ModelSpec spec;
  std::vector<LayerWeights> layers;  // one for each of spec.layers
  std::string key_style;             // "upstream", "diffusers", ...
};

// Key styles: upstream's Sequential ("3.conv.0.weight"), diffusers
// ("decoder.layers.2.conv.0.weight", index one lower), encoder and decoder in
// one file ("decoder.3.conv.0.weight"), ComfyUI's bundle ("taesd_decoder.3...")
// and their encoders, which are passed over. Every tensor of the decoder is
// compared with the architecture's and copied into floats. Errors:
// kUnsupported: a known other thing (an encoder, a full VAE, TAEHV, the 16x and
// 32x decoders), or nothing known; kDataLoss: a tensor is missing, has another
// shape, is not of the network, or holds NaN or Inf. Messages name the file,
// the tensor, what was expected and what was found.
StatusOr<Detected> DetectDecoder(const TensorFile& file);

// The architecture alone, by some of the names and shapes; reads no tensor's
// bytes. Errors: kUnsupported as above.
StatusOr<ModelSpec> DetectSpec(const TensorFile& file);

}  // namespace tae
