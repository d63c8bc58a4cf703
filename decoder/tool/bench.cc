// `tae bench`: how long a decode takes here, and what of the machine it uses.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"
#include "tae/decoder.h"
#include "tool/arguments.h"
#include "tool/ceiling.h"
#include "tool/commands.h"
#include "tool/open_model.h"

namespace tae::tool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Option kOptions[] = {
    {"--model"},   {"--variant"}, {"--size"}, {"--precision"},  {"--backend"},
    {"--threads"}, {"--iters"},   {"--cpu"},  {"--json", false}};

struct Request {
  std::shared_ptr<const Model> model;
  Precision precision = Precision::kAuto;
  Backend backend = Backend::kAuto;
  std::string cpu;
  std::shared_ptr<ParallelFor> parallel;
  std::vector<Extent> sizes;  // pixels
  int iterations = 10;
  bool json = false;
};

// Milliseconds.
struct Times {
  double average, median, p10, p90, least, most;
};

Times Summarise(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<size_t>(
        std::lround(share * static_cast<double>(times.size() - 1)))];
  };
  double sum = 0;
  for (double t : times) sum += t;
  return {sum / static_cast<double>(times.size()),
          at(0.5),
          at(0.1),
          at(0.9),
          times.front(),
          times.back()};
}

double PeakMebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// What makes the figures doubtful, on standard error.
void Warn() {
#if !defined(__OPTIMIZE__)
  std::fputs("warning: this build is not optimised\n", stderr);
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::fputs("warning: this build has a sanitizer\n", stderr);
#endif
  double load = 0;
  if (std::ifstream("/proc/loadavg") >> load && load > 0.5)
    std::fprintf(stderr,
                 "warning: the machine is busy (load average %.2f): compare "
                 "medians of several runs\n",
                 load);
  std::string governor;
  std::ifstream("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") >>
      governor;
  if (!governor.empty() && governor != "performance")
    std::fprintf(stderr, "warning: the CPU frequency governor is '%s'\n",
                 governor.c_str());
}

// "768,1024x512" -> sizes in pixels.
StatusOr<std::vector<Extent>> ParseSizes(const std::string& words) {
  std::vector<Extent> sizes;
  for (size_t begin = 0; begin <= words.size();) {
    const size_t end = std::min(words.find(',', begin), words.size());
    std::string word = words.substr(begin, end - begin);
    if (word.find('x') == std::string::npos) word += "x" + word;
    const StatusOr<Extent> size = ParseSize(word);
    if (!size.ok()) return size.status();
    sizes.push_back(*size);
    begin = end + 1;
  }
  return sizes;
}

StatusOr<Request> Parse(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  Request request;
  const auto model = OpenModel({.variant = arguments->Value("--variant"),
                                .model_file = arguments->Value("--model"),
                                .method = Method::kAuto});
  if (!model.ok()) return model.status();
  request.model = *model;
  const auto precision = ParsePrecision(arguments->Value("--precision"));
  if (!precision.ok()) return precision.status();
  request.precision = *precision;
  const auto backend = ParseBackend(arguments->Value("--backend"));
  if (!backend.ok()) return backend.status();
  request.backend = *backend;
  const auto threads = ParseThreads(arguments->Value("--threads"));
  if (!threads.ok()) return threads.status();
  request.parallel = MakeThreadPool({.threads = *threads});
  const std::string size = arguments->Value("--size");
  const auto sizes = ParseSizes(size.empty() ? "1024" : size);
  if (!sizes.ok()) return sizes.status();
  request.sizes = *sizes;
  if (arguments->Has("--iters"))
    request.iterations = std::atoi(arguments->Value("--iters").c_str());
  if (request.iterations < 1)
    return InvalidArgument("--iters must be 1 or more");
  request.cpu = arguments->Value("--cpu");
  request.json = arguments->Has("--json");
  return request;
}

// Halves, normally distributed, as a sampler's latent is.
std::vector<uint16_t> SeededLatent(int channels, Extent extent) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<uint16_t> values(static_cast<size_t>(channels) *
                               static_cast<size_t>(extent.height) *
                               static_cast<size_t>(extent.width));
  for (uint16_t& value : values) value = F16FromFloat(normal(random));
  return values;
}

struct Result {
  Times times;
  PlanStats stats;
};

StatusOr<Result> Measure(const Request& request, Extent size) {
  const ModelInfo& info = GetModelInfo(*request.model);
  const int scale = info.pixels_per_latent;
  if (size.height % scale != 0 || size.width % scale != 0)
    return InvalidArgument("--size: sides must be multiples of " +
                           std::to_string(scale));
  const Extent extent{size.height / scale, size.width / scale};
  Decoder decoder(request.model, {.backend = request.backend,
                                  .parallel = request.parallel,
                                  .cpu = request.cpu});
  TAE_RETURN_IF_ERROR(
      decoder.Prepare({.latent = extent, .precision = request.precision}));
  const auto values = SeededLatent(info.latent_channels, extent);
  const LatentView latent{.data = values.data(),
                          .size = values.size() * sizeof(uint16_t),
                          .channels = info.latent_channels,
                          .extent = extent};
  std::vector<uint8_t> pixels(static_cast<size_t>(size.height) *
                              static_cast<size_t>(size.width) * 3);
  FrameView frame{.width = size.width, .height = size.height};
  frame.plane[0] = pixels.data();
  frame.stride[0] = ptrdiff_t{size.width} * 3;
  std::vector<double> times;
  for (int i = -2; i < request.iterations; ++i) {  // two to warm up
    const auto start = Clock::now();
    TAE_RETURN_IF_ERROR(decoder.Decode(latent, frame, nullptr));
    const std::chrono::duration<double, std::milli> passed =
        Clock::now() - start;
    if (i >= 0) times.push_back(passed.count());
  }
  return Result{Summarise(times), decoder.stats()};
}

double Share(double rate, double ceiling) {
  return ceiling > 0 ? rate / ceiling : 0;
}

void Print(const Request& request, Extent size, const Result& result,
           const Ceiling& ceiling) {
  const Times& t = result.times;
  const double rate = result.stats.flops / (t.median * 1e-3);
  const double arena =
      static_cast<double>(result.stats.arena_bytes) / (1 << 20);
  const double weights =
      static_cast<double>(result.stats.weights_bytes) / (1 << 20);
  const std::string precision(PrecisionText(request.precision));
  const char* format =
      request.json
          ? "{\"width\":%d,\"height\":%d,\"precision\":\"%s\",\"threads\":%d,"
            "\"avg_ms\":%.3f,\"median_ms\":%.3f,\"p10_ms\":%.3f,"
            "\"p90_ms\":%.3f,\"min_ms\":%.3f,\"max_ms\":%.3f,"
            "\"gflops\":%.1f,\"of_fp32_fma\":%.3f,\"of_int16\":%.3f,"
            "\"plan_mib\":%.2f,\"weights_mib\":%.2f,\"peak_rss_mib\":%.1f}\n"
          : "%5dx%-5d %-5s %2d %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f %9.1f "
            "%8.3f %8.3f %8.2f %8.2f %8.1f\n";
  std::printf(format, size.width, size.height, precision.c_str(),
              request.parallel->workers(), t.average, t.median, t.p10, t.p90,
              t.least, t.most, rate * 1e-9, Share(rate, ceiling.fp32),
              Share(rate, ceiling.int16), arena, weights, PeakMebibytes());
  std::fflush(stdout);
}

}  // namespace

StatusOr<int> Bench(Words words) {
  const StatusOr<Request> request = Parse(words);
  if (!request.ok()) return request.status();
  Warn();
  const Ceiling ceiling = MeasureCeiling(*request->parallel);
  if (!request->json)
    std::printf(
        "ceiling: %.0f GFLOP/s fp32 FMA, %.0f GOP/s int16 pairs; times in "
        "ms,\nGFLOP/s of the direct count, shares of the ceilings, MiB\n"
        "%11s %-5s %2s %9s %9s %9s %9s %9s %9s %9s %8s %8s %8s %8s %8s\n",
        ceiling.fp32 * 1e-9, ceiling.int16 * 1e-9, "size", "prec", "T", "avg",
        "median", "p10", "p90", "min", "max", "GFLOP/s", "/fp32", "/int16",
        "plan", "weights", "peak RSS");
  for (const Extent& size : request->sizes) {
    const StatusOr<Result> result = Measure(*request, size);
    if (!result.ok()) return result.status();
    Print(*request, size, *result, ceiling);
  }
  return 0;
}

}  // namespace tae::tool
