// `tae plan`: what would run, with or without weights at hand.
#include <cstdio>
#include <string>

#include "tae/decoder.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/open_model.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {{"--variant"}, {"--size"},    {"--precision"},
                               {"--format"},  {"--backend"}, {"--method"},
                               {"--threads"}, {"--rung"}};

StatusOr<std::shared_ptr<const Model>> ModelFor(const Arguments& arguments) {
  const std::string variant = arguments.Value("--variant");
  if (variant.empty()) return InvalidArgument("--variant is needed");
  const StatusOr<Method> method = ParseMethod(arguments.Value("--method"));
  if (!method.ok()) return method.status();
  if (*method == Method::kLinear) return LinearModel(variant);
  if (*method == Method::kBuiltin) return BuiltinModel(variant);
  return ZeroModel(variant);
}

StatusOr<PlanKey> KeyFor(const Arguments& arguments, int pixels_per_latent) {
  const StatusOr<Extent> size = ParseSize(arguments.Value("--size"));
  if (!size.ok()) return size.status();
  if (size->width % pixels_per_latent != 0 ||
      size->height % pixels_per_latent != 0) {
    return InvalidArgument("--size: both sides must be multiples of " +
                           std::to_string(pixels_per_latent));
  }
  const auto precision = ParsePrecision(arguments.Value("--precision"));
  if (!precision.ok()) return precision.status();
  const auto format = ParseFormat(arguments.Value("--format"));
  if (!format.ok()) return format.status();
  return PlanKey{.latent = {size->height / pixels_per_latent,
                            size->width / pixels_per_latent},
                 .precision = *precision,
                 .format = *format};
}

}  // namespace

StatusOr<int> ShowPlan(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  const auto model = ModelFor(*arguments);
  if (!model.ok()) return model.status();
  auto key = KeyFor(*arguments, GetModelInfo(**model).pixels_per_latent);
  if (!key.ok()) return key.status();
  const auto rung = ParseRung(**model, arguments->Value("--rung"));
  if (!rung.ok()) return rung.status();
  key->rung = *rung;
  const auto backend = ParseBackend(arguments->Value("--backend"));
  if (!backend.ok()) return backend.status();
  const auto threads = ParseThreads(arguments->Value("--threads"));
  if (!threads.ok()) return threads.status();
  Decoder decoder(*model, {.backend = *backend,
                           .parallel = MakeThreadPool({.threads = *threads}),
                           .cpu = ""});
  TAE_RETURN_IF_ERROR(decoder.Prepare(*key));
  const PlanStats stats = decoder.stats();
  std::fputs(decoder.DumpPlan().c_str(), stdout);
  std::printf(
      "%d steps, %.1f MiB arena, %.1f MiB packed weights, "
      "%.2f GFLOP\n",
      stats.steps, static_cast<double>(stats.arena_bytes) / (1 << 20),
      static_cast<double>(stats.weights_bytes) / (1 << 20), stats.flops / 1e9);
  return 0;
}

}  // namespace tae::tool
