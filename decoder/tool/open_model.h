// The model that a command line asks for.
#pragma once

#include <memory>
#include <string>

#include "tae/decoder.h"
#include "tae/open_best.h"
#include "tae/status.h"

namespace tae::tool {

StatusOr<Method> ParseMethod(const std::string& word);

// "stage3", "builtin/2" (half of each side), "" for the full one -> an index of
// GetRungs; an error names those that there are.
StatusOr<int> ParseRung(const Model& model, const std::string& word);

// As OpenBest; its warnings, and what stands in for weights that are missing,
// go to standard error.
StatusOr<std::shared_ptr<const Model>> OpenModel(const ModelRequest& request);

// The architecture of a variant with weights of zero: enough for a plan.
StatusOr<std::shared_ptr<const Model>> ZeroModel(const std::string& variant);

}  // namespace tae::tool
