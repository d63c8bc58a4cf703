// From settings and caps to the model that decodes a stream.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tae/ladder.h"
#include "taedecode/settings.h"

namespace taegst {

struct ModelRequest {
  Method method = Method::kAuto;
  std::string variant;                  // "" = what model_file turns out to be
  std::string model_file;               // "" = search for the variant's weights
  std::optional<tae::Quality> quality;  // nothing = auto
};

struct ChosenModel {
  std::shared_ptr<const tae::Model> model;  // the best of models
  tae::LadderModels models;
  Method method = Method::kTae;       // never kAuto
  std::vector<std::string> warnings;  // sentences for people
  std::string note;                   // what would be better, and how

  const tae::ModelInfo& info() const { return tae::GetModelInfo(*model); }
};

// A quality that needs no file means the method of its name, where any will do.
Method MethodFor(const ModelRequest& request);

// With kAuto and no weights to be found the decoder that is built in serves,
// with a note that says which file to fetch and how; where none is built in the
// linear projection, and that is a warning. A model_file that was named must
// exist and be right. With kAuto the models of all cheaper rungs come along.
// Errors: as tae::FindWeights and tae::LoadModel; kUnsupported where the
// quality is not among the rungs.
tae::StatusOr<ChosenModel> ChooseModel(const ModelRequest& request);

// The rungs that a quality allows for pictures of 1/scale, the cheapest first:
// one, or with auto all that are worth climbing. Errors: as tae::FindRung.
tae::StatusOr<std::vector<tae::LadderRung>> RungsOf(
    const ChosenModel& chosen, std::optional<tae::Quality> quality, int scale);

}  // namespace taegst
