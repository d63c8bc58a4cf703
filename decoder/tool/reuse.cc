// `tae reuse`: what taedecode's change-threshold would save and cost on
// recorded generations.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tae/decoder.h"
#include "tae/denoise.h"
#include "tae/latent_change.h"
#include "tae/latent_stream.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/compare.h"
#include "tool/latents.h"
#include "tool/open_model.h"
#include "tool/picture.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {
    {"--variant"}, {"--domain"},      {"--layout"}, {"--size"},
    {"--pred"},    {"--model"},       {"--method"}, {"--thresholds"},
    {"--threads"}, {"--steps", false}};
constexpr double kDefaults[] = {.01, .02, .05, .1, .15, .2, .3};

double Psnr(double mean_square) {
  return mean_square > 0 ? -10 * std::log10(mean_square) : INFINITY;
}

// One threshold over all generations so far, or those of one file.
struct Tally {
  int latents = 0;
  int decoded = 0;
  double squares = 0;  // of pictures, mean square error against decoding it
  double worst = 0;    // the largest of these

  void Add(double square) {
    squares += square;
    worst = std::max(worst, square);
  }
};

// What taedecode would have on the screen with this threshold.
struct Screen {
  double threshold = 0;
  ChangeMeter meter = {};
  std::vector<float> picture = {};
  Tally file = {};
  Tally all = {};
};

// A latent as taedecode would decode it.
struct Taken {
  LatentView latent;
  bool first = false;  // of its generation
  bool final = false;
};

// Tells generations apart and takes the noise out, as taedecode does.
class Generations {
 public:
  StatusOr<Taken> Take(const LatentMessage& message);

 private:
  bool Begins(const LatentDescription& said) const;

  std::optional<LatentDescription> last_;
  bool ended_ = false;
  std::optional<Denoiser> denoiser_;
  std::vector<float> estimate_;
};

bool IsFinal(const LatentDescription& said) {
  return said.final.value_or(said.step && said.steps &&
                             *said.step >= *said.steps);
}

bool Generations::Begins(const LatentDescription& said) const {
  if (!last_ || ended_ || last_->gen != said.gen) return true;
  return said.step && last_->step && *said.step <= *last_->step;
}

StatusOr<Taken> Generations::Take(const LatentMessage& message) {
  StatusOr<LatentView> view = message.View();
  if (!view.ok()) return view.status();
  const LatentDescription& said = message.header.description;
  Taken taken{.latent = *view, .first = Begins(said), .final = IsFinal(said)};
  last_ = said;
  ended_ = taken.final;
  if (said.pred != "x" || !said.sigma) return taken;
  if (taken.first || !denoiser_) {
    const VariantInfo* space = FindVariant(said.space);
    denoiser_.emplace(DenoiserOptions{
        .process = space ? space->noise : NoiseProcess::kFlowMatching});
  }
  const size_t count = view->size / SizeOf(view->dtype);
  estimate_.resize(count);
  const auto method = denoiser_->Estimate(
      {view->data, count, view->dtype, *said.sigma}, estimate_.data());
  if (!method.ok()) return method.status();
  taken.latent.data = estimate_.data();
  taken.latent.size = count * sizeof(float);
  taken.latent.dtype = DType::kF32;
  return taken;
}

// Shows a latent's picture, or goes on showing an older one.
Status Show(const Taken& taken, const std::vector<float>& picture,
            Screen* screen) {
  if (taken.first) screen->meter.Reset();
  const LatentView& latent = taken.latent;
  const auto change = screen->meter.Add(
      latent.data, latent.size / SizeOf(latent.dtype), latent.dtype, {});
  if (!change.ok()) return change.status();
  ++screen->file.latents;
  if (!taken.final && change->accumulated < screen->threshold) {
    const double rmse =
        Compare(screen->picture.data(), picture.data(), picture.size()).rmse;
    screen->file.Add(rmse * rmse);
    return {};
  }
  screen->meter.MarkDecoded();
  screen->picture = picture;
  ++screen->file.decoded;
  return {};
}

void PrintStep(const LatentDescription& said, const LatentChange& change) {
  std::printf("  step %3d  sigma %7.4f  change %8.4f  relative %8.4f%s\n",
              said.step.value_or(-1), said.sigma.value_or(NAN),
              change.rms.value_or(NAN), change.accumulated,
              change.converged ? "  converged" : "");
}

Status ShowFile(const Arguments& arguments, const std::string& path,
                const std::shared_ptr<ParallelFor>& threads,
                std::vector<Screen>* screens) {
  const auto messages = ReadLatents(path, arguments);
  if (!messages.ok()) return messages.status();
  std::optional<Decoder> decoder;
  Generations generations;
  ChangeMeter each;  // as if every latent was decoded
  for (const LatentMessage& message : *messages) {
    const auto taken = generations.Take(message);
    if (!taken.ok()) return taken.status();
    if (!decoder) {
      const auto request = RequestFor(taken->latent, message, path, arguments);
      if (!request.ok()) return request.status();
      const auto model = OpenModel(*request);
      if (!model.ok()) return model.status();
      decoder.emplace(*model, DecoderOptions{.parallel = threads, .cpu = ""});
    }
    const auto picture = Picture(*decoder, taken->latent);
    if (!picture.ok()) return picture.status();
    for (Screen& screen : *screens)
      TAE_RETURN_IF_ERROR(Show(*taken, *picture, &screen));
    if (!arguments.Has("--steps")) continue;
    if (taken->first) each.Reset();
    const auto change = each.Add(
        taken->latent.data, taken->latent.size / SizeOf(taken->latent.dtype),
        taken->latent.dtype, {});
    if (!change.ok()) return change.status();
    each.MarkDecoded();
    PrintStep(message.header.description, *change);
  }
  return {};
}

void Print(const std::string& name, double threshold, const Tally& tally) {
  const int reused = tally.latents - tally.decoded;
  std::printf("%-32s %9g %7d %8.1f %8.2f %8.1f %8.1f\n", name.c_str(),
              threshold, tally.latents, 100.0 * reused / tally.latents,
              double(tally.latents) / tally.decoded,
              Psnr(tally.squares / tally.latents), Psnr(tally.worst));
}

// Prints a file's figures and adds them to those of all.
void Conclude(const std::string& name, std::vector<Screen>* screens) {
  for (Screen& screen : *screens) {
    const Tally file = std::exchange(screen.file, {});
    if (file.latents > 0) Print(name, screen.threshold, file);
    screen.all.latents += file.latents;
    screen.all.decoded += file.decoded;
    screen.all.squares += file.squares;
    screen.all.worst = std::max(screen.all.worst, file.worst);
    screen.meter.Reset();
  }
}

StatusOr<std::vector<Screen>> ParseThresholds(const std::string& words) {
  std::vector<Screen> screens;
  if (words.empty())
    for (const double threshold : kDefaults) screens.push_back({threshold});
  std::istringstream stream(words);
  stream.imbue(std::locale::classic());
  for (double value = 0; stream >> value; stream.ignore()) {
    if (value < 0) break;
    screens.push_back({value});
  }
  if (screens.empty() || (!words.empty() && !stream.eof()))
    return InvalidArgument("--thresholds takes numbers, as in 0.05,0.1; not '" +
                           words + "'");
  return screens;
}

}  // namespace

StatusOr<int> Reuse(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  if (arguments->positional().empty())
    return InvalidArgument("name at least one recorded run");
  const auto threads = ParseThreads(arguments->Value("--threads"));
  if (!threads.ok()) return threads.status();
  auto screens = ParseThresholds(arguments->Value("--thresholds"));
  if (!screens.ok()) return screens.status();
  const std::shared_ptr<ParallelFor> pool =
      MakeThreadPool({.threads = *threads});
  std::printf("%-32s %9s %7s %8s %8s %8s %8s\n", "run", "threshold", "latents",
              "reused %", "speed-up", "PSNR dB", "worst dB");
  for (const std::string& path : arguments->positional()) {
    TAE_RETURN_IF_ERROR(ShowFile(*arguments, path, pool, &*screens));
    Conclude(std::filesystem::path(path).filename(), &*screens);
  }
  if (arguments->positional().size() > 1)
    for (const Screen& screen : *screens)
      Print("all", screen.threshold, screen.all);
  return 0;
}

}  // namespace tae::tool
