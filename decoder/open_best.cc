#include "tae/open_best.h"

#include <utility>

namespace tae {
namespace {

using ModelOr = StatusOr<std::shared_ptr<const Model>>;

StatusOr<OpenedModel> Opened(ModelOr model, Method method) {
  if (!model.ok()) return model.status();
  OpenedModel opened;
  opened.model = *std::move(model);
  opened.method = method;
  opened.warnings = GetModelInfo(*opened.model).warnings;
  return opened;
}

// `missing` says where weights were looked for.
StatusOr<OpenedModel> WithoutWeights(const std::string& variant,
                                     const Status& missing) {
  auto opened = Opened(BuiltinModel(variant), Method::kBuiltin);
  const char* consequence =
      ". Until then the built-in decoder shows the picture, a little softer.";
  if (!opened.ok()) {
    opened = Opened(LinearModel(variant), Method::kLinear);
    consequence =
        ". Until then a linear projection shows the picture, with little "
        "detail.";
  }
  if (!opened.ok()) return missing;
  opened->stand_in = missing.message() + consequence;
  return opened;
}

}  // namespace

StatusOr<OpenedModel> OpenBest(const ModelRequest& request) {
  if (request.method == Method::kLinear)
    return Opened(LinearModel(request.variant), Method::kLinear);
  if (request.method == Method::kBuiltin)
    return Opened(BuiltinModel(request.variant), Method::kBuiltin);
  const StatusOr<FoundWeights> found =
      FindWeights(request.variant, request.model_file);
  if (!found.ok()) {
    const bool may_stand_in =
        request.method == Method::kAuto && request.model_file.empty();
    return may_stand_in ? WithoutWeights(request.variant, found.status())
                        : found.status();
  }
  auto opened = Opened(LoadModel(found->path, {.variant = request.variant}),
                       Method::kTae);
  if (opened.ok())
    opened->warnings.insert(opened->warnings.end(), found->notes.begin(),
                            found->notes.end());
  return opened;
}

}  // namespace tae
