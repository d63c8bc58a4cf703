#include "taedecode/model_choice.h"

#include <utility>

namespace taegst {
namespace {

tae::StatusOr<ChosenModel> Chosen(
    tae::StatusOr<std::shared_ptr<const tae::Model>> model, Method method) {
  if (!model.ok()) return model.status();
  ChosenModel chosen{*std::move(model), method, {}, {}};
  chosen.warnings = chosen.info().warnings;
  return chosen;
}

tae::StatusOr<ChosenModel> Builtin(const std::string& variant) {
  return Chosen(tae::BuiltinModel(variant), Method::kBuiltin);
}

tae::StatusOr<ChosenModel> Linear(const std::string& variant) {
  return Chosen(tae::LinearModel(variant), Method::kLinear);
}

// What serves without weights; `missing` says where they were looked for.
tae::StatusOr<ChosenModel> WithoutWeights(const std::string& variant,
                                          const tae::Status& missing) {
  tae::StatusOr<ChosenModel> builtin = Builtin(variant);
  if (builtin.ok()) {
    builtin->note = missing.message() +
                    ". Until then the built-in decoder shows the picture, a "
                    "little softer.";
    return builtin;
  }
  tae::StatusOr<ChosenModel> linear = Linear(variant);
  if (!linear.ok()) return missing;
  linear->warnings.push_back(missing.message() +
                             ". Until then a linear projection shows the "
                             "picture, with little detail.");
  return linear;
}

}  // namespace

tae::StatusOr<ChosenModel> ChooseModel(const ModelRequest& request) {
  if (request.method == Method::kLinear) return Linear(request.variant);
  if (request.method == Method::kBuiltin) return Builtin(request.variant);
  const auto path = tae::FindWeights(request.variant, request.model_file);
  if (path.ok())
    return Chosen(tae::LoadModel(*path, {.variant = request.variant}),
                  Method::kTae);
  if (request.method == Method::kTae || !request.model_file.empty())
    return path.status();
  return WithoutWeights(request.variant, path.status());
}

}  // namespace taegst
