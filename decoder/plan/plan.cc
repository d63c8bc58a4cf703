#include "plan/plan.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "plan/lower.h"

namespace tae {
namespace {

double Pixels(Extent extent) {
  return static_cast<double>(extent.height) * extent.width;
}

double FlopsOf(const Step& step, const ModelSpec& spec, const Plan& plan) {
  const LayerSpec& layer = spec.layers[step.layer];
  const double macs = double(layer.in_channels) * layer.out_channels;
  switch (step.kind) {
    case StepKind::kLoad:
    case StepKind::kShuffle:
      return 0;
    case StepKind::kConv:
    case StepKind::kUpConv:
      return 2 * 9 * macs * Pixels(plan.tensors[step.output].extent);
    case StepKind::kPool:
      return 2 * 2.0 * layer.in_channels * kPoolWidth *
             Pixels(plan.tensors[step.output].extent);
    case StepKind::kStoreRgb:
      return 2 * 9 * macs * Pixels(plan.frame);
    case StepKind::kLinearRgb:
      return 2 * layer.taps * macs * Pixels(plan.key.latent);
  }
  return 0;
}

Status CheckSize(const ModelSpec& spec, Extent latent) {
  const std::string size =
      std::to_string(latent.width) + "x" + std::to_string(latent.height);
  if (latent.height < 1 || latent.width < 1)
    return InvalidArgument("latent size " + size +
                           ": both sides must be 1 or more");
  const int64_t scale = spec.pixels_per_latent;
  const int64_t limit = kMaxPlanPixels / (scale * scale);
  if (int64_t{latent.height} * latent.width > limit)
    return InvalidArgument(
        "latent size " + size + ": the picture would have more than " +
        std::to_string(kMaxPlanPixels) + " pixels; decode a smaller latent");
  return {};
}

std::string ShapeOf(const Plan& plan, int tensor, bool input) {
  char text[64];
  if (tensor != kNoTensor) {
    const Tensor& t = plan.tensors[tensor];
    std::snprintf(text, sizeof(text), "t%d %dx%dx%d", tensor, t.extent.width,
                  t.extent.height, t.channels);
  } else if (input) {
    std::snprintf(text, sizeof(text), "latent %dx%dx%d", plan.key.latent.width,
                  plan.key.latent.height, plan.latent_channels);
  } else {
    std::snprintf(text, sizeof(text), "frame %dx%d", plan.frame.width,
                  plan.frame.height);
  }
  return text;
}

}  // namespace

double Plan::total_flops() const {
  return std::accumulate(flops.begin(), flops.end(), 0.0);
}

bool Plan::has_barrier() const {
  return std::any_of(steps.begin(), steps.end(),
                     [](const Step& step) { return IsBarrier(step.kind); });
}

StatusOr<Plan> CompilePlan(const ModelSpec& spec, const PlanKey& key) {
  TAE_RETURN_IF_ERROR(CheckSize(spec, key.latent));
  const std::vector<Rung> rungs = RungsOf(spec);
  if (key.rung < 0 || key.rung >= static_cast<int>(rungs.size()))
    return InvalidArgument("rung " + std::to_string(key.rung) + ": " +
                           std::string(spec.name) + " has rungs 0 to " +
                           std::to_string(rungs.size() - 1));
  const Rung& rung = rungs[key.rung];
  StatusOr<StepList> list = Lower(spec, rung.layers, key.latent);
  if (!list.ok()) return list.status();
  Plan plan;
  plan.rung = rung.name;
  plan.key = key;
  plan.architecture = std::string(spec.name);
  plan.latent_channels = spec.latent_channels;
  plan.pixels_per_latent = spec.pixels_per_latent / rung.downscale;
  plan.frame = {key.latent.height * plan.pixels_per_latent,
                key.latent.width * plan.pixels_per_latent};
  plan.steps = std::move(list->steps);
  plan.tensors = std::move(list->tensors);
  for (const Step& step : plan.steps)
    plan.flops.push_back(FlopsOf(step, spec, plan));
  return plan;
}

std::string Dump(const Plan& plan,
                 const std::function<StepNote(int step)>& note) {
  std::string text = "plan " + plan.architecture + ", " + plan.rung + ", " +
                     ShapeOf(plan, kNoTensor, true) + " -> " +
                     ShapeOf(plan, kNoTensor, false) + "\n";
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    const StepNote n = note(static_cast<int>(i));
    char line[256];
    std::snprintf(
        line, sizeof(line),
        "%2zu %-10s layer %2d.%d  %-20s -> %-18s %-5s%-5s%-34s %10zu B %8.3f "
        "GFLOP\n",
        i, ToString(step.kind), step.layer, step.conv,
        ShapeOf(plan, step.input, true).c_str(),
        ShapeOf(plan, step.output, false).c_str(),
        step.epilogue.skip == kNoTensor
            ? ""
            : ("+t" + std::to_string(step.epilogue.skip)).c_str(),
        step.epilogue.relu ? "relu" : "", n.kernel.c_str(), n.bytes,
        plan.flops[i] * 1e-9);
    text += line;
  }
  return text;
}

}  // namespace tae
