// `tae validate`: golden cases decoded and compared.
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "exec/executor.h"
#include "plan/plan.h"
#include "tae/decoder.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/compare.h"
#include "tool/golden.h"
#include "tool/lockstep.h"
#include "tool/open_model.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {
    {"--model"},       {"--precision"},    {"--backend"},     {"--threads"},
    {"--json", false}, {"--check", false}, {"--steps", false}};

struct Request {
  std::string model;
  Precision precision = Precision::kAuto;
  Backend backend = Backend::kAuto;
  std::shared_ptr<ParallelFor> parallel;
  bool json = false;
  bool check = false;
  bool steps = false;
};

StatusOr<Request> ReadRequest(const Arguments& arguments) {
  const auto precision = ParsePrecision(arguments.Value("--precision"));
  if (!precision.ok()) return precision.status();
  const auto backend = ParseBackend(arguments.Value("--backend"));
  if (!backend.ok()) return backend.status();
  const auto threads = ParseThreads(arguments.Value("--threads"));
  if (!threads.ok()) return threads.status();
  return Request{.model = arguments.Value("--model"),
                 .precision = *precision,
                 .backend = *backend,
                 .parallel = MakeThreadPool({.threads = *threads}),
                 .json = arguments.Has("--json"),
                 .check = arguments.Has("--check"),
                 .steps = arguments.Has("--steps")};
}

// The bounds that types.h promises for a precision.
bool WithinBounds(Precision precision, const Difference& difference) {
  switch (precision) {
    case Precision::kF32:
      return difference.max_abs <= 2e-4;
    case Precision::kBF16:
    case Precision::kInt8:
      return difference.psnr >= 40;
    case Precision::kAuto:
    case Precision::kF16:
      break;
  }
  return difference.max_abs <= 6e-3 && difference.mae <= 4e-4;
}

FrameView PlanarFrame(std::vector<float>& pixels, Extent extent) {
  const size_t plane = size_t(extent.height) * size_t(extent.width);
  pixels.resize(3 * plane);
  FrameView frame{.format = PixelFormat::kRgbPlanarF32,
                  .width = extent.width,
                  .height = extent.height};
  for (int c = 0; c < 3; ++c) {
    frame.plane[c] = pixels.data() + c * plane;
    frame.stride[c] = extent.width * ptrdiff_t{sizeof(float)};
  }
  return frame;
}

PlanKey KeyOf(const Golden& golden, Precision precision) {
  return {.latent = golden.latent.extent,
          .precision = precision,
          .format = PixelFormat::kRgbPlanarF32};
}

StatusOr<std::shared_ptr<const Model>> ModelOf(const Golden& golden,
                                               const Request& request) {
  ModelRequest wanted{.variant = golden.variant,
                      .model_file = request.model,
                      .method = Method::kTae};
  if (request.model.empty()) wanted.model_file = golden.weights;
  return OpenModel(wanted);
}

StatusOr<Difference> DecodeAndCompare(const Golden& golden,
                                      std::shared_ptr<const Model> model,
                                      const Request& request) {
  Decoder decoder(
      std::move(model),
      {.backend = request.backend, .parallel = request.parallel, .cpu = ""});
  TAE_RETURN_IF_ERROR(decoder.Prepare(KeyOf(golden, request.precision)));
  std::vector<float> pixels;
  TAE_RETURN_IF_ERROR(decoder.Decode(
      golden.latent, PlanarFrame(pixels, golden.image_extent), nullptr));
  return Compare(pixels.data(), golden.image.data(), pixels.size());
}

Status CompareSteps(const Golden& golden,
                    const std::shared_ptr<const Model>& model,
                    const Request& request) {
  StatusOr<Plan> compiled =
      CompilePlan(model->spec(), KeyOf(golden, request.precision));
  if (!compiled.ok()) return compiled.status();
  const auto plan = std::make_shared<const Plan>(*std::move(compiled));
  const ExecutorOptions options{
      .model = model, .plan = plan, .parallel = request.parallel, .cpu = ""};
  const ExecutorOr tested = MakeExecutor(request.backend, options);
  if (!tested.ok()) return tested.status();
  ExecutorOptions alone = options;
  alone.parallel = nullptr;  // the pool serves one caller at a time
  const ExecutorOr reference = MakeReferenceExecutor(alone);
  if (!reference.ok()) return reference.status();
  std::vector<float> found;
  std::vector<float> expected;
  std::printf("%5s  %-10s %9s  %10s %10s %10s %12s\n", "step", "kind", "size",
              "max_abs", "mae", "rmse", "cosine");
  const auto print = [&](const StepPair& pair) {
    const size_t count = size_t(pair.extent.height) *
                         size_t(pair.extent.width) * size_t(pair.channels);
    const Difference d = Compare(pair.found, pair.expected, count);
    const std::string size = std::to_string(pair.extent.width) + "x" +
                             std::to_string(pair.extent.height);
    std::printf("%5d  %-10s %9s  %10.3e %10.3e %10.3e %12.9f\n", pair.step,
                ToString(plan->steps[pair.step].kind), size.c_str(), d.max_abs,
                d.mae, d.rmse, d.cosine);
  };
  return RunInLockstep(**tested, **reference, golden.latent,
                       PlanarFrame(found, golden.image_extent),
                       PlanarFrame(expected, golden.image_extent), print);
}

// Infinity (equal pictures) is no JSON number.
nlohmann::ordered_json Number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value;
}

void Print(const std::string& path, const Request& request,
           const Difference& d) {
  const std::string precision(PrecisionText(request.precision));
  if (request.json) {
    const nlohmann::ordered_json line = {
        {"file", path},
        {"precision", precision},
        {"backend", std::string(BackendText(request.backend))},
        {"max_abs", Number(d.max_abs)},
        {"mae", Number(d.mae)},
        {"rmse", Number(d.rmse)},
        {"psnr", Number(d.psnr)},
        {"cosine", Number(d.cosine)}};
    using Json = nlohmann::ordered_json;
    std::puts(
        line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  std::printf("%-44s %-5s %10.3e %10.3e %10.3e %7.2f %12.9f%s\n",
              path.substr(path.rfind('/') + 1).c_str(), precision.c_str(),
              d.max_abs, d.mae, d.rmse, d.psnr, d.cosine,
              WithinBounds(request.precision, d) ? "" : "  OUT OF BOUNDS");
}

}  // namespace

StatusOr<int> Validate(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  const StatusOr<Request> request = ReadRequest(*arguments);
  if (!request.ok()) return request.status();
  if (arguments->positional().empty()) {
    return InvalidArgument("name at least one golden case");
  }
  if (!request->json) {
    std::printf("%-44s %-5s %10s %10s %10s %7s %12s\n", "file", "prec",
                "max_abs", "mae", "rmse", "psnr", "cosine");
  }
  bool all_within = true;
  for (const std::string& path : arguments->positional()) {
    const StatusOr<Golden> golden = ReadGolden(path);
    if (!golden.ok()) return golden.status();
    const auto model = ModelOf(*golden, *request);
    if (!model.ok()) return model.status();
    const StatusOr<Difference> difference =
        DecodeAndCompare(*golden, *model, *request);
    if (!difference.ok()) return difference.status();
    Print(path, *request, *difference);
    all_within = all_within && WithinBounds(request->precision, *difference);
    if (!request->steps || request->json) continue;
    TAE_RETURN_IF_ERROR(CompareSteps(*golden, *model, *request));
  }
  return request->check && !all_within ? 1 : 0;
}

}  // namespace tae::tool
