// `tae bench`: how long a decode takes here, and what of the machine it uses.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tae/decoder.h"
#include "tool/arguments.h"
#include "tool/ceiling.h"
#include "tool/commands.h"
#include "tool/measure.h"
#include "tool/open_model.h"

namespace tae::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr Option kOptions[] = {
    {"--model"},   {"--variant"}, {"--size"},        {"--precision"},
    {"--cpu"},     {"--backend"}, {"--method"},      {"--rung"},
    {"--threads"}, {"--iters"},   {"--json", false}, {"--scaling", false}};

struct Request {
  MeasureRequest measure;
  std::vector<Extent> sizes;  // pixels
  bool json = false;
  bool scaling = false;
};

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
  MeasureRequest& measure = request.measure;
  const auto method = ParseMethod(arguments->Value("--method"));
  if (!method.ok()) return method.status();
  const auto model = OpenModel({.variant = arguments->Value("--variant"),
                                .model_file = arguments->Value("--model"),
                                .method = *method});
  if (!model.ok()) return model.status();
  measure.model = *model;
  const auto rung = ParseRung(**model, arguments->Value("--rung"));
  if (!rung.ok()) return rung.status();
  measure.rung = *rung;
  const auto precision = ParsePrecision(arguments->Value("--precision"));
  if (!precision.ok()) return precision.status();
  measure.precision = *precision;
  const auto backend = ParseBackend(arguments->Value("--backend"));
  if (!backend.ok()) return backend.status();
  measure.backend = *backend;
  const auto threads = ParseThreads(arguments->Value("--threads"));
  if (!threads.ok()) return threads.status();
  measure.parallel = MakeThreadPool({.threads = *threads});
  const std::string size = arguments->Value("--size");
  const auto sizes = ParseSizes(size.empty() ? "1024" : size);
  if (!sizes.ok()) return sizes.status();
  request.sizes = *sizes;
  if (arguments->Has("--iters"))
    measure.iterations = std::atoi(arguments->Value("--iters").c_str());
  if (measure.iterations < 1)
    return InvalidArgument("--iters must be 1 or more");
  measure.cpu = arguments->Value("--cpu");
  request.json = arguments->Has("--json");
  request.scaling = arguments->Has("--scaling");
  return request;
}

// What makes the figures doubtful before anything ran.
std::vector<std::string> Doubts(int threads) {
  std::vector<std::string> doubts;
#if !defined(__OPTIMIZE__) || !defined(NDEBUG)
  doubts.push_back("this is not a Release build");
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  doubts.push_back("this build has a sanitizer");
#endif
  double load = 0;
  if (std::ifstream("/proc/loadavg") >> load && load > 0.5)
    doubts.push_back("the machine is busy (load average " +
                     std::to_string(load).substr(0, 4) +
                     "): compare medians of several runs");
  std::string governor;
  std::ifstream("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") >>
      governor;
  if (!governor.empty() && governor != "performance")
    doubts.push_back("the CPU frequency governor is '" + governor + "'");
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (threads > cores)
    doubts.push_back(std::to_string(threads) + " threads share " +
                     std::to_string(cores) + " cores");
  return doubts;
}

// What makes them doubtful afterwards.
void AddSpread(const Times& times, std::vector<std::string>& doubts) {
  if (times.p90 > 1.15 * times.p10)
    doubts.push_back("the times spread (p90 is " +
                     std::to_string(times.p90 / times.p10).substr(0, 4) +
                     " times p10)");
}

void Warn(const std::vector<std::string>& doubts) {
  for (const std::string& doubt : doubts)
    std::fprintf(stderr, "warning: %s\n", doubt.c_str());
}

// Of the ceilings that this machine has.
Json Shares(const Ceiling& ceiling, double rate) {
  const std::pair<const char*, double> rows[] = {
      {"fp32", ceiling.fp32},         {"bf16", ceiling.bf16},
      {"int16", ceiling.int16},       {"int8", ceiling.int8},
      {"amx_bf16", ceiling.amx_bf16}, {"amx_int8", ceiling.amx_int8}};
  Json shares = Json::object();
  for (const auto& [name, operations] : rows) {
    if (operations > 0) {
      shares[name]["gops"] = operations * 1e-9;
      shares[name]["share"] = rate / operations;
    }
  }
  return shares;
}

double Mebibytes(size_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

Json Describe(const MeasureRequest& request, const Measured& measured,
              const Ceiling& ceiling) {
  const Times& t = measured.times;
  const double rate = measured.stats.flops / (t.median * 1e-3);
  Json line;
  line["width"] = request.size.width;
  line["height"] = request.size.height;
  line["precision"] = std::string(PrecisionText(request.precision));
  line["backend"] = std::string(BackendText(request.backend));
  line["cpu"] = request.cpu;
  line["threads"] = request.parallel->workers();
  line["iterations"] = request.iterations;
  line["avg_ms"] = t.average;
  line["median_ms"] = t.median;
  line["p10_ms"] = t.p10;
  line["p90_ms"] = t.p90;
  line["min_ms"] = t.least;
  line["max_ms"] = t.most;
  line["gflops"] = rate * 1e-9;
  line["ceilings"] = Shares(ceiling, rate);
  line["plan_mib"] = Mebibytes(measured.stats.arena_bytes);
  line["weights_mib"] = Mebibytes(measured.stats.weights_bytes);
  line["above_mib"] = measured.above_mebibytes;
  line["peak_rss_mib"] = measured.peak_mebibytes;
  return line;
}

void PrintHead(const Ceiling& ceiling) {
  std::printf("ceilings in GOP/s:");
  const Json rows = Shares(ceiling, 0);
  for (const auto& [name, row] : rows.items())
    std::printf(" %s %.0f", name.c_str(), row["gops"].get<double>());
  std::printf(
      "\ntimes in ms, GFLOP/s of the direct count, its shares of the ceilings, "
      "MiB\n%11s %-5s %2s %9s %9s %9s %9s %9s %9s %9s %7s %7s %7s %7s %7s %7s "
      "%8s\n",
      "size", "prec", "T", "avg", "median", "p10", "p90", "min", "max",
      "GFLOP/s", "/fp32", "/int16", "/amx", "plan", "weights", "above",
      "peak RSS");
}

void PrintRow(const MeasureRequest& request, const Measured& measured,
              const Ceiling& ceiling) {
  const Times& t = measured.times;
  const double rate = measured.stats.flops / (t.median * 1e-3);
  const auto share = [&](double of) { return of > 0 ? rate / of : 0; };
  std::printf(
      "%5dx%-5d %-5s %2d %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f %9.1f "
      "%7.3f %7.3f %7.3f %7.2f %7.2f %7.2f %8.1f\n",
      request.size.width, request.size.height,
      std::string(PrecisionText(request.precision)).c_str(),
      request.parallel->workers(), t.average, t.median, t.p10, t.p90, t.least,
      t.most, rate * 1e-9, share(ceiling.fp32), share(ceiling.int16),
      share(ceiling.amx_bf16), Mebibytes(measured.stats.arena_bytes),
      Mebibytes(measured.stats.weights_bytes), measured.above_mebibytes,
      measured.peak_mebibytes);
}

Status BenchScaling(const MeasureRequest& request, bool json) {
  const StatusOr<Scaling> scaling = MeasureScaling(request);
  if (!scaling.ok()) return scaling.status();
  if (json) {
    Json line;
    line["width"] = request.size.width;
    line["height"] = request.size.height;
    line["threads"] = scaling->threads;
    line["decode_scaling"] = scaling->decode;
    line["fma_scaling"] = scaling->fma;
    std::puts(line.dump().c_str());
  } else {
    std::printf("%5dx%-5d 1 -> %d threads: decode %.2fx, FMA loop %.2fx\n",
                request.size.width, request.size.height, scaling->threads,
                scaling->decode, scaling->fma);
  }
  return {};
}

Status BenchSize(const MeasureRequest& request, const Ceiling& ceiling,
                 bool json, std::vector<std::string> doubts) {
  const StatusOr<Measured> measured = Measure(request);
  if (!measured.ok()) return measured.status();
  const size_t known = doubts.size();
  AddSpread(measured->times, doubts);
  if (json) {
    Json line = Describe(request, *measured, ceiling);
    line["warnings"] = doubts;
    std::puts(line.dump().c_str());
  } else {
    PrintRow(request, *measured, ceiling);
    Warn({doubts.begin() + static_cast<ptrdiff_t>(known), doubts.end()});
  }
  std::fflush(stdout);
  return {};
}

}  // namespace

StatusOr<int> Bench(Words words) {
  const StatusOr<Request> request = Parse(words);
  if (!request.ok()) return request.status();
  MeasureRequest measure = request->measure;
  const auto doubts = Doubts(measure.parallel->workers());
  Warn(doubts);
  Ceiling ceiling;
  if (!request->scaling) ceiling = MeasureCeiling(*measure.parallel);
  if (!request->scaling && !request->json) PrintHead(ceiling);
  for (const Extent& size : request->sizes) {
    measure.size = size;
    TAE_RETURN_IF_ERROR(
        request->scaling ? BenchScaling(measure, request->json)
                         : BenchSize(measure, ceiling, request->json, doubts));
  }
  return 0;
}

}  // namespace tae::tool
