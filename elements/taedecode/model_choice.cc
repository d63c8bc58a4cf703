#include "taedecode/model_choice.h"

#include <utility>

namespace taegst {
namespace {

tae::StatusOr<ChosenModel> Linear(const std::string& variant) {
  auto model = tae::LinearModel(variant);
  if (!model.ok()) return model.status();
  return ChosenModel{*std::move(model), true, {}};
}

}  // namespace

tae::StatusOr<ChosenModel> ChooseModel(const ModelRequest& request) {
  if (request.method == Method::kLinear) return Linear(request.variant);
  const auto path = tae::FindWeights(request.variant, request.model_file);
  if (!path.ok()) {
    if (request.method == Method::kTae || !request.model_file.empty())
      return path.status();
    auto linear = Linear(request.variant);
    if (!linear.ok()) return path.status();
    linear->warnings.push_back(path.status().message() +
                               ". Until then a linear projection shows the "
                               "picture, with little detail.");
    return linear;
  }
  auto model = tae::LoadModel(*path, {.variant = request.variant});
  if (!model.ok()) return model.status();
  ChosenModel chosen{*std::move(model), false, {}};
  chosen.warnings = chosen.info().warnings;
  return chosen;
}

}  // namespace taegst
