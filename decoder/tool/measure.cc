#include "tool/measure.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <random>
#include <utility>

#include "base/half.h"
#include "tool/ceiling.h"

namespace tae::tool {
namespace {

using Clock = std::chrono::steady_clock;

// A line of /proc/self/status such as "VmHWM:  1234 kB", in MiB; 0 elsewhere.
double StatusMebibytes(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  std::string name;
  double kibibytes = 0;
  while (status >> name) {
    if (name == wanted && status >> kibibytes) return kibibytes / 1024;
    status.ignore(1 << 20, '\n');
  }
  return 0;
}

// Lets VmHWM start again at what is resident now.
void ForgetPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5\n";
}

std::vector<uint16_t> SeededLatent(size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<uint16_t> values(count);
  for (uint16_t& value : values) value = F16FromFloat(normal(random));
  return values;
}

// A latent, the frame it becomes, and decoders of it.
class Scene {
 public:
  static StatusOr<Scene> Make(const MeasureRequest& request) {
    const ModelInfo& info = GetModelInfo(*request.model);
    const int scale = info.pixels_per_latent;
    if (request.size.height % scale != 0 || request.size.width % scale != 0)
      return InvalidArgument("--size: sides must be multiples of " +
                             std::to_string(scale));
    return Scene(request, info.latent_channels,
                 {request.size.height / scale, request.size.width / scale});
  }

  StatusOr<Decoder> Prepare(std::shared_ptr<ParallelFor> parallel,
                            Extent latent) const {
    Decoder decoder(request_.model, {.backend = request_.backend,
                                     .parallel = std::move(parallel),
                                     .cpu = request_.cpu});
    TAE_RETURN_IF_ERROR(decoder.Prepare({.latent = latent,
                                         .precision = request_.precision,
                                         .rung = request_.rung}));
    return decoder;
  }

  // Milliseconds of one decode.
  StatusOr<double> Decode(Decoder& decoder) {
    const LatentView latent{.data = values_.data(),
                            .size = values_.size() * sizeof(values_[0]),
                            .channels = channels_,
                            .extent = extent_};
    FrameView frame{.width = request_.size.width / downscale_,
                    .height = request_.size.height / downscale_};
    frame.plane[0] = pixels_.data();
    frame.stride[0] = ptrdiff_t{frame.width} * 3;
    const auto start = Clock::now();
    TAE_RETURN_IF_ERROR(decoder.Decode(latent, frame, nullptr));
    const std::chrono::duration<double, std::milli> passed =
        Clock::now() - start;
    return passed.count();
  }

  Extent extent() const { return extent_; }

 private:
  Scene(const MeasureRequest& request, int channels, Extent extent)
      : request_(request),
        channels_(channels),
        extent_(extent),
        downscale_(GetRungs(*request.model)[request.rung].downscale),
        values_(SeededLatent(size_t(channels) * size_t(extent.height) *
                             size_t(extent.width))),
        pixels_(size_t(request.size.height) * size_t(request.size.width) * 3,
                1) {}

  MeasureRequest request_;
  int channels_;
  Extent extent_;
  int downscale_;
  std::vector<uint16_t> values_;
  std::vector<uint8_t> pixels_;
};

double MedianRatio(const std::vector<std::pair<double, double>>& pairs) {
  std::vector<double> ratios;
  ratios.reserve(pairs.size());
  for (const auto& [above, below] : pairs)
    ratios.push_back(below > 0 ? above / below : 0);
  return Summarise(std::move(ratios)).median;
}

}  // namespace

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

StatusOr<Measured> Measure(const MeasureRequest& request) {
  StatusOr<Scene> scene = Scene::Make(request);
  if (!scene.ok()) return scene.status();
  // A plan of one latent holds the packed weights, which belong to the model.
  const auto tiny = scene->Prepare(nullptr, {1, 1});
  if (!tiny.ok()) return tiny.status();
  ForgetPeak();
  const double before = StatusMebibytes("VmRSS:");
  StatusOr<Decoder> decoder = scene->Prepare(request.parallel, scene->extent());
  if (!decoder.ok()) return decoder.status();
  std::vector<double> times;
  for (int i = -2; i < request.iterations; ++i) {
    const StatusOr<double> time = scene->Decode(*decoder);
    if (!time.ok()) return time.status();
    if (i >= 0) times.push_back(*time);
  }
  const double peak = StatusMebibytes("VmHWM:");
  return Measured{Summarise(times), decoder->stats(), peak, peak - before};
}

StatusOr<Scaling> MeasureScaling(const MeasureRequest& request) {
  StatusOr<Scene> scene = Scene::Make(request);
  if (!scene.ok()) return scene.status();
  const std::shared_ptr<ParallelFor> pools[] = {MakeThreadPool({.threads = 1}),
                                                request.parallel};
  StatusOr<Decoder> decoders[] = {scene->Prepare(pools[0], scene->extent()),
                                  scene->Prepare(pools[1], scene->extent())};
  for (const auto& decoder : decoders)
    if (!decoder.ok()) return decoder.status();
  std::vector<std::pair<double, double>> decodes;
  std::vector<std::pair<double, double>> rates;
  for (int i = -1; i < request.iterations; ++i) {
    double times[2];
    double loops[2];
    for (int side = 0; side < 2; ++side) {
      const StatusOr<double> time = scene->Decode(*decoders[side]);
      if (!time.ok()) return time.status();
      times[side] = *time;
      loops[side] = MeasureFp32Ceiling(*pools[side]);
    }
    if (i < 0) continue;
    decodes.push_back({times[0], times[1]});
    rates.push_back({loops[1], loops[0]});
  }
  return Scaling{request.parallel->workers(), MedianRatio(decodes),
                 MedianRatio(rates)};
}

}  // namespace tae::tool
