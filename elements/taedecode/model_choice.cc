#include "taedecode/model_choice.h"

#include <string>
#include <utility>

#include "tae/open_best.h"

namespace taegst {
namespace {

// Where a linear projection stands in the picture has little detail, which is
// worth a warning; the built-in decoder is worth a note.
ChosenModel Chosen(tae::OpenedModel opened) {
  ChosenModel chosen;
  chosen.model = std::move(opened.model);
  chosen.method = opened.method;
  chosen.warnings = std::move(opened.warnings);
  if (chosen.method == Method::kTae) chosen.models.full = chosen.model;
  if (chosen.method == Method::kBuiltin) chosen.models.builtin = chosen.model;
  if (chosen.method == Method::kLinear) chosen.models.linear = chosen.model;
  // Files that lie there and cannot be used are more than a note: somebody
  // meant them to serve.
  const bool damaged =
      opened.stand_in.find("was passed over") != std::string::npos;
  if (chosen.method != Method::kLinear && !damaged)
    chosen.note = std::move(opened.stand_in);
  else if (!opened.stand_in.empty())
    chosen.warnings.push_back(std::move(opened.stand_in));
  return chosen;
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

}  // namespace

Method MethodFor(const ModelRequest& request) {
  if (request.method != Method::kAuto) return request.method;
  if (request.quality == tae::Quality::kLinear) return Method::kLinear;
  if (request.quality == tae::Quality::kBuiltin) return Method::kBuiltin;
  return Method::kAuto;
}

tae::StatusOr<ChosenModel> ChooseModel(const ModelRequest& request) {
  const Method method = MethodFor(request);
  tae::StatusOr<tae::OpenedModel> opened =
      tae::OpenBest({.variant = request.variant,
                     .model_file = request.model_file,
                     .method = method});
  if (!opened.ok()) return opened.status();
  ChosenModel chosen = Chosen(*std::move(opened));
  if (method == Method::kAuto) AddCheaper(&chosen);
  const auto rungs = RungsOf(chosen, request.quality, 1);
  if (!rungs.ok())
    return tae::Unsupported(
        rungs.status().message() +
        (chosen.note.empty() ? std::string() : ". " + chosen.note));
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
