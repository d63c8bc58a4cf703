// `tae ladder`: the rungs of a space, what they cost and what they give.
#include "tae/ladder.h"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "tool/arguments.h"
#include "tool/commands.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {{"--variant"}, {"--model"}};
constexpr int kScales[] = {1, 2, 4, 8};

// What there is of a space on this machine.
StatusOr<LadderModels> OpenAll(std::string variant, const std::string& file) {
  LadderModels models;
  const StatusOr<FoundWeights> path = FindWeights(variant, file);
  if (path.ok()) {
    for (const std::string& note : path->notes)
      std::fprintf(stderr, "warning: %s\n", note.c_str());
    auto full = LoadModel(path->path, {.variant = variant});
    if (!full.ok()) return full.status();
    models.full = *std::move(full);
    variant = GetModelInfo(*models.full).variant;
  } else if (!file.empty()) {
    return path.status();
  } else {
    std::fprintf(stderr, "note: %s\n", path.status().message().c_str());
  }
  if (auto linear = LinearModel(variant); linear.ok())
    models.linear = *std::move(linear);
  if (auto builtin = BuiltinModel(variant); builtin.ok())
    models.builtin = *std::move(builtin);
  return models;
}

// "35.9", "-" where nothing was measured, "*" where the rung's own picture is
// larger.
std::string PsnrText(const std::vector<LadderRung>& ladder, Quality quality) {
  const auto rung = FindRung(ladder, quality);
  if (!rung.ok() || rung->quality != quality) return "";
  char text[32] = "-";
  if (quality == Quality::kFull) return rung->shrink > 1 ? "same*" : "same";
  if (rung->psnr > 0) std::snprintf(text, sizeof(text), "%.1f", rung->psnr);
  return std::string(text) + (rung->shrink > 1 ? "*" : "");
}

void Print(const LadderModels& models) {
  std::printf("%-8s %9s %9s %8s %8s %8s %8s\n", "rung", "MACs", "time",
              "dB 1/1", "1/2", "1/4", "1/8");
  for (const LadderRung& rung : GetLadder(models, 1)) {
    std::printf("%-8s %8.3f%%", std::string(QualityName(rung.quality)).c_str(),
                100 * rung.share);
    if (rung.time_ratio > 0) {
      std::printf(" %8.1f%%", 100 * rung.time_ratio);
    } else {
      std::printf(" %9s", "-");
    }
    for (const int scale : kScales)
      std::printf(" %8s",
                  PsnrText(GetLadder(models, scale), rung.quality).c_str());
    std::puts("");
  }
}

}  // namespace

StatusOr<int> ShowLadder(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  const std::string variant = arguments->Value("--variant");
  const std::string file = arguments->Value("--model");
  if (variant.empty() && file.empty())
    return InvalidArgument("name the --variant or a --model file");
  const auto models = OpenAll(variant, file);
  if (!models.ok()) return models.status();
  if (GetLadder(*models, 1).empty())
    return Unsupported("nothing decodes variant '" + variant + "' here");
  Print(*models);
  return 0;
}

}  // namespace tae::tool
