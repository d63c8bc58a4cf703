// The model that a command line asks for.
#pragma once

#include <memory>
#include <string>

#include "tae/decoder.h"
#include "tae/status.h"

namespace tae::tool {

enum class Method { kAuto, kTae, kBuiltin, kLinear };

struct ModelRequest {
  std::string variant;     // "" = what the weights say
  std::string model_file;  // "" = searched for
  Method method = Method::kAuto;
};

StatusOr<Method> ParseMethod(const std::string& word);

// "stage3", "builtin/2" (half of each side), "" for the full one -> an index of
// GetRungs; an error names those that there are.
StatusOr<int> ParseRung(const Model& model, const std::string& word);

// With kAuto, weights that are not found give the linear projection and a
// warning. Warnings go to standard error.
StatusOr<std::shared_ptr<const Model>> OpenModel(const ModelRequest& request);

// The architecture of a variant with weights of zero: enough for a plan.
StatusOr<std::shared_ptr<const Model>> ZeroModel(const std::string& variant);

}  // namespace tae::tool
