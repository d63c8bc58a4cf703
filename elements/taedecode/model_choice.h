// From settings and caps to the model that decodes a stream.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tae/decoder.h"
#include "taedecode/settings.h"

namespace taegst {

struct ModelRequest {
  Method method = Method::kAuto;
  std::string variant;     // "" = what model_file turns out to be
  std::string model_file;  // "" = search for the variant's weights
};

struct ChosenModel {
  std::shared_ptr<const tae::Model> model;
  Method method = Method::kTae;       // never kAuto
  std::vector<std::string> warnings;  // sentences for people
  std::string note;                   // what would be better, and how

  const tae::ModelInfo& info() const { return tae::GetModelInfo(*model); }
};

// With kAuto and no weights to be found the decoder that is built in serves,
// with a note that says which file to fetch and how; where none is built in the
// linear projection, and that is a warning. A model_file that was named must
// exist and be right. Errors: as tae::FindWeights and tae::LoadModel.
tae::StatusOr<ChosenModel> ChooseModel(const ModelRequest& request);

}  // namespace taegst
