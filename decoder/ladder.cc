// One table of what the rungs of each space were measured to give, and the
// choice among them.
#include "tae/ladder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/model.h"
#include "model/variants.h"
#include "plan/plan.h"

namespace tae {
namespace {

constexpr std::array<std::string_view, 6> kNames = {
    "linear", "builtin", "stage1", "stage2", "stage3", "full"};

struct Row {
  std::string_view variant;
  Quality quality;
  RungFigures figures;
};

// Source: bench/ladder. PSNR: medians of the 231 held-out latents of
// models/builtin_flux2.md. Times: 1024x1024, two cores of an Intel Xeon with
// AMX (Sapphire Rapids), where full took 319 ms.
constexpr Row kFigures[] = {
    {"flux2", Quality::kLinear, {0.007, {21.7, 21.8, 22.1, 23.2}}},
    {"flux2", Quality::kBuiltin, {0.051, {33.6, 35.1, 36.9, 39.2}}},
    {"flux2", Quality::kStage1, {0.066, {27.8, 28.5, 30.1, 32.0}}},
    {"flux2", Quality::kStage2, {0.153, {31.7, 33.1, 35.1, 37.4}}},
    {"flux2", Quality::kStage3, {0.528, {37.3, 39.0, 40.5, 41.6}}},
};

RungFigures FiguresOf(std::string_view variant, Quality quality) {
  for (const Row& row : kFigures)
    if (row.variant == variant && row.quality == quality) return row.figures;
  return {.time_ratio = quality == Quality::kFull ? 1.0 : 0.0, .psnr = {}};
}

// Of a latent pixel, by the published architecture of the space.
double FullFlops(const LadderModels& models) {
  if (models.full != nullptr) return GetRungs(*models.full).front().flops;
  const Model* other =
      models.builtin != nullptr ? models.builtin.get() : models.linear.get();
  if (other == nullptr) return 0;
  const std::optional<ModelSpec> spec =
      ArchitectureOf(GetModelInfo(*other).variant);
  if (!spec) return 0;
  const StatusOr<Plan> plan = CompilePlan(*spec, {.latent = {4, 4}});
  return plan.ok() ? plan->total_flops() / 16 : 0;
}

class LadderBuilder {
 public:
  LadderBuilder(const LadderModels& models, int scale)
      : scale_(scale), full_flops_(FullFlops(models)) {
    if (models.linear != nullptr) Add(models.linear, Quality::kLinear);
    if (models.builtin != nullptr) Add(models.builtin, Quality::kBuiltin);
    if (models.full != nullptr) Add(models.full, std::nullopt);
    std::stable_sort(ladder_.begin(), ladder_.end(),
                     [](const LadderRung& a, const LadderRung& b) {
                       return a.share < b.share;
                     });
  }

  std::vector<LadderRung> Take() { return std::move(ladder_); }

 private:
  // Of the rungs of one name the one of the smallest picture that is no smaller
  // than what was asked for. `only`: the name of all rungs of the model.
  void Add(const std::shared_ptr<const Model>& model,
           std::optional<Quality> only) {
    const ModelInfo& info = GetModelInfo(*model);
    if (scale_ < 1 || info.pixels_per_latent % scale_ != 0) return;
    int index = -1;
    for (const RungInfo& rung : GetRungs(*model)) {
      ++index;
      const auto quality = only ? only : FindQuality(rung.name);
      if (!quality || scale_ % rung.downscale != 0) continue;
      LadderRung& slot = SlotOf(*quality);
      if (slot.model != nullptr && slot.downscale > rung.downscale) continue;
      slot.model = model;
      slot.rung = index;
      slot.downscale = rung.downscale;
      slot.shrink = scale_ / rung.downscale;
      slot.share = full_flops_ > 0 ? rung.flops / full_flops_ : 1;
      const RungFigures figures = FiguresOf(info.variant, *quality);
      slot.time_ratio = figures.time_ratio;
      slot.psnr = PsnrAt(figures);
    }
  }

  LadderRung& SlotOf(Quality quality) {
    for (LadderRung& rung : ladder_)
      if (rung.quality == quality) return rung;
    return ladder_.emplace_back(LadderRung{.quality = quality, .model = {}});
  }

  double PsnrAt(const RungFigures& figures) const {
    for (int i = 0; i < 4; ++i)
      if (scale_ == 1 << i) return figures.psnr[i];
    return 0;
  }

  const int scale_;
  const double full_flops_;
  std::vector<LadderRung> ladder_;
};

// By what was measured; where nothing was, dearer is better.
bool IsBetter(const LadderRung& a, const LadderRung& b) {
  if (a.quality == Quality::kFull && a.shrink * a.downscale == 1) return true;
  if (a.psnr > 0 && b.psnr > 0) return a.psnr > b.psnr;
  return a.quality > b.quality;
}

}  // namespace

std::string_view QualityName(Quality quality) {
  return kNames[static_cast<size_t>(quality)];
}

std::optional<Quality> FindQuality(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Quality>(found - kNames.begin());
}

std::vector<LadderRung> GetLadder(const LadderModels& models, int scale) {
  return LadderBuilder(models, scale).Take();
}

std::vector<LadderRung> WorthClimbing(const std::vector<LadderRung>& ladder) {
  int least = 0;
  for (const LadderRung& rung : ladder)
    if (rung.quality != Quality::kLinear && (least == 0 || rung.shrink < least))
      least = rung.shrink;
  std::vector<LadderRung> climb;
  for (const LadderRung& rung : ladder) {
    if (least != 0 && rung.shrink > least) continue;
    if (climb.empty() || IsBetter(rung, climb.back())) climb.push_back(rung);
  }
  return climb;
}

StatusOr<LadderRung> FindRung(const std::vector<LadderRung>& ladder,
                              Quality quality) {
  const LadderRung* best = nullptr;
  std::string known;
  for (const LadderRung& rung : ladder) {
    if (rung.quality == quality) return rung;
    if (best == nullptr || rung.quality > best->quality) best = &rung;
    known +=
        (known.empty() ? "" : ", ") + std::string(QualityName(rung.quality));
  }
  const bool whole = best != nullptr && (best->quality == Quality::kLinear ||
                                         best->quality == Quality::kBuiltin);
  if (quality == Quality::kFull && whole) return *best;
  return Unsupported("there is no rung '" + std::string(QualityName(quality)) +
                     "' here, only " + (known.empty() ? "none" : known));
}

}  // namespace tae
