// The best decoder that is at hand for a latent space: its weights, else the
// small decoder that is compiled in, else a linear projection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tae/decoder.h"
#include "tae/export.h"
#include "tae/status.h"

namespace tae {

// What makes the picture.
enum class Method : uint8_t {
  kAuto,     // the best that is at hand
  kTae,      // a decoder's weights, from a file
  kBuiltin,  // BuiltinModel
  kLinear,   // LinearModel
};

struct ModelRequest {
  std::string variant;     // any name FindVariant takes; "" = what a file says
  std::string model_file;  // path of the weights; "" = FindWeights
  Method method = Method::kAuto;
};

struct OpenedModel {
  std::shared_ptr<const Model> model;
  Method method = Method::kTae;  // never kAuto
  // Why something else than the published weights serves, and how to get them:
  // one sentence for people, "" where nothing is missing.
  std::string stand_in;
  // Sentences about the files: unknown or damaged ones, by name.
  std::vector<std::string> warnings;
};

// Opens what the request asks for. With kAuto, a space without weights on this
// machine is served by the built-in decoder or the linear projection, and
// `stand_in` says so; a file that the request names must be there and right.
// Errors: as FindWeights, LoadModel, BuiltinModel and LinearModel.
// Threads: any number at a time.
TAE_EXPORT StatusOr<OpenedModel> OpenBest(const ModelRequest& request);

}  // namespace tae
