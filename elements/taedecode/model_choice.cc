#include "taedecode/model_choice.h"

#include <utility>

namespace taegst {
namespace {

tae::StatusOr<ChosenModel> Chosen(
    tae::StatusOr<std::shared_ptr<const tae::Model>> model, Method method) {
  if (!model.ok()) return model.status();
  ChosenModel chosen;
  chosen.model = *std::move(model);
  chosen.method = method;
  if (method == Method::kTae) chosen.models.full = chosen.model;
  if (method == Method::kBuiltin) chosen.models.builtin = chosen.model;
  if (method == Method::kLinear) chosen.models.linear = chosen.model;
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

// Where a space has none, the ladder is shorter.
void AddCheaper(ChosenModel* chosen) {
  const std::string& variant = chosen->info().variant;
  if (chosen->models.linear == nullptr)
    if (auto linear = tae::LinearModel(variant); linear.ok())
      chosen->models.linear = *std::move(linear);
  if (chosen->models.builtin == nullptr && chosen->models.full != nullptr)
    if (auto builtin = tae::BuiltinModel(variant); builtin.ok())
      chosen->models.builtin = *std::move(builtin);
}

tae::StatusOr<ChosenModel> ChooseByMethod(const ModelRequest& request,
                                          Method method) {
  if (method == Method::kLinear) return Linear(request.variant);
  if (method == Method::kBuiltin) return Builtin(request.variant);
  const auto found = tae::FindWeights(request.variant, request.model_file);
  if (found.ok()) {
    auto chosen =
        Chosen(tae::LoadModel(found->path, {.variant = request.variant}),
               Method::kTae);
    if (chosen.ok())
      chosen->warnings.insert(chosen->warnings.end(), found->notes.begin(),
                              found->notes.end());
    return chosen;
  }
  if (method == Method::kTae || !request.model_file.empty())
    return found.status();
  return WithoutWeights(request.variant, found.status());
}

}  // namespace

Method MethodFor(const ModelRequest& request) {
  if (request.method != Method::kAuto) return request.method;
  if (request.quality == tae::Quality::kLinear) return Method::kLinear;
  if (request.quality == tae::Quality::kBuiltin) return Method::kBuiltin;
  return Method::kAuto;
}

tae::StatusOr<ChosenModel> ChooseModel(const ModelRequest& request) {
  const Method method = MethodFor(request);
  tae::StatusOr<ChosenModel> chosen = ChooseByMethod(request, method);
  if (!chosen.ok()) return chosen;
  if (method == Method::kAuto) AddCheaper(&*chosen);
  const auto rungs = RungsOf(*chosen, request.quality, 1);
  if (!rungs.ok())
    return tae::Unsupported(
        rungs.status().message() +
        (chosen->note.empty() ? std::string() : ". " + chosen->note));
  return chosen;
}

tae::StatusOr<std::vector<tae::LadderRung>> RungsOf(
    const ChosenModel& chosen, std::optional<tae::Quality> quality, int scale) {
  const auto ladder = tae::GetLadder(chosen.models, scale);
  if (!quality) return tae::WorthClimbing(ladder);
  const auto rung = tae::FindRung(ladder, *quality);
  if (!rung.ok()) return rung.status();
  return std::vector<tae::LadderRung>{*rung};
}

}  // namespace taegst
