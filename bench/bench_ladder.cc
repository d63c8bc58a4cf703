// What every rung of the quality ladder costs, and what it gives: a JSON object
// a line.
//   bench_ladder --model FILE [--latents FILE]... [--sizes 512,1024]
//                [--threads 2] [--iterations 5] [--latents-at-most 1000]
// {"figure": "picture", ...} of each rung and size of picture, on the latents;
// {"figure": "time", ...} of each rung at full size, on noise.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tae/ladder.h"
#include "tae/latent_stream.h"
#include "tool/measure.h"

namespace tae {
namespace {

using Json = nlohmann::ordered_json;

// [3][height][width] floats in 0..1.
struct Picture {
  Extent extent;
  std::vector<float> values;

  explicit Picture(Extent size)
      : extent(size), values(size_t(3) * size.height * size.width) {}
  FrameView View() {
    FrameView view{.format = PixelFormat::kRgbPlanarF32,
                   .width = extent.width,
                   .height = extent.height};
    for (int c = 0; c < 3; ++c) {
      view.plane[c] = values.data() + size_t(c) * extent.height * extent.width;
      view.stride[c] = ptrdiff_t{extent.width} * ptrdiff_t(sizeof(float));
    }
    return view;
  }
};

Picture Shrunk(const Picture& from, int factor) {
  if (factor == 1) return from;
  Picture to({from.extent.height / factor, from.extent.width / factor});
  const float share = 1.0f / static_cast<float>(factor * factor);
  size_t i = 0;
  for (int row = 0; row < 3 * to.extent.height; ++row)
    for (int x = 0; x < to.extent.width; ++x, ++i)
      for (int k = 0; k < factor * factor; ++k)
        to.values[i] +=
            share * from.values[(size_t(row) * factor + k / factor) *
                                    from.extent.width +
                                size_t(x) * factor + k % factor];
  return to;
}

double Psnr(const Picture& a, const Picture& b) {
  double sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    const double d = double(a.values[i]) - b.values[i];
    sum += d * d;
  }
  const double mean = sum / static_cast<double>(a.values.size());
  return mean > 0 ? -10 * std::log10(mean) : 99;
}

// Of luma, mean over windows of 8x8 pixels, one every four. Source: Wang et
// al., Image Quality Assessment: From Error Visibility to Structural
// Similarity, 2004, with plain windows.
double Ssim(const Picture& a, const Picture& b) {
  const int w = a.extent.width, h = a.extent.height;
  const auto luma = [&](const Picture& p, int y, int x) {
    const size_t plane = size_t(h) * w, at = size_t(y) * w + x;
    return 0.2126 * p.values[at] + 0.7152 * p.values[plane + at] +
           0.0722 * p.values[2 * plane + at];
  };
  double sum = 0;
  int windows = 0;
  for (int top = 0; top + 8 <= h; top += 4)
    for (int left = 0; left + 8 <= w; left += 4, ++windows) {
      double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
      for (int i = 0; i < 64; ++i) {
        const double va = luma(a, top + i / 8, left + i % 8);
        const double vb = luma(b, top + i / 8, left + i % 8);
        ma += va / 64, mb += vb / 64;
        aa += va * va / 64, bb += vb * vb / 64, ab += va * vb / 64;
      }
      constexpr double c1 = 1e-4, c2 = 9e-4;
      sum += (2 * ma * mb + c1) * (2 * (ab - ma * mb) + c2) /
             ((ma * ma + mb * mb + c1) * (aa - ma * ma + bb - mb * mb + c2));
    }
  return windows > 0 ? sum / windows : 1;
}

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(
      std::lround(share * static_cast<double>(values.size() - 1)))];
}

struct Options {
  std::string model;
  std::vector<std::string> latents;  // files
  std::vector<int> sizes;
  int threads = 2;
  int iterations = 5;
  int at_most = 1000;
};

struct Scores {
  LadderRung rung;
  std::vector<double> psnr, ssim;
};

class Bench {
 public:
  Bench(LadderModels models, Options options)
      : models_(std::move(models)),
        options_(std::move(options)),
        threads_(MakeThreadPool({.threads = options_.threads})) {}

  Status Run() {
    if (!options_.latents.empty()) TAE_RETURN_IF_ERROR(Pictures());
    for (const int size : options_.sizes) TAE_RETURN_IF_ERROR(Times(size));
    return {};
  }

 private:
  Status Pictures() {
    std::map<std::pair<int, Quality>, Scores> scores;
    int count = 0;
    for (const std::string& file : options_.latents) {
      const auto latents = ReadLatentFile(file, {});
      if (!latents.ok()) return latents.status();
      for (const LatentMessage& message : latents->messages) {
        if (count == options_.at_most) break;
        const auto view = message.View();
        if (!view.ok()) return view.status();
        TAE_RETURN_IF_ERROR(Score(*view, scores));
        ++count;
      }
    }
    for (const auto& [key, s] : scores)
      std::puts(Json{{"figure", "picture"},
                     {"rung", QualityName(key.second)},
                     {"scale", key.first},
                     {"shrink", s.rung.shrink},
                     {"share", s.rung.share},
                     {"psnr_median", Quantile(s.psnr, 0.5)},
                     {"psnr_p10", Quantile(s.psnr, 0.1)},
                     {"ssim_median", Quantile(s.ssim, 0.5)},
                     {"latents", count}}
                    .dump()
                    .c_str());
    return {};
  }

  Status Score(const LatentView& latent,
               std::map<std::pair<int, Quality>, Scores>& scores) {
    const Extent size{latent.extent.height * 8, latent.extent.width * 8};
    Picture truth(size);
    TAE_RETURN_IF_ERROR(
        Paint({.model = models_.full}, Precision::kF32, latent, truth));
    for (const int scale : {1, 2, 4, 8})
      for (const LadderRung& rung : GetLadder(models_, scale)) {
        Picture picture(
            {size.height / rung.downscale, size.width / rung.downscale});
        TAE_RETURN_IF_ERROR(Paint(rung, Precision::kAuto, latent, picture));
        const Picture shown = Shrunk(picture, rung.shrink);
        const Picture wanted = Shrunk(truth, scale);
        Scores& s = scores[{scale, rung.quality}];
        s.rung = rung;
        s.psnr.push_back(Psnr(shown, wanted));
        s.ssim.push_back(Ssim(shown, wanted));
      }
    return {};
  }

  Status Paint(const LadderRung& rung, Precision precision,
               const LatentView& latent, Picture& picture) {
    Decoder& decoder =
        decoders_
            .try_emplace(rung.model.get(), rung.model,
                         DecoderOptions{.parallel = threads_, .cpu = ""})
            .first->second;
    TAE_RETURN_IF_ERROR(decoder.Prepare({.latent = latent.extent,
                                         .precision = precision,
                                         .format = PixelFormat::kRgbPlanarF32,
                                         .rung = rung.rung}));
    TAE_RETURN_IF_ERROR(decoder.Decode(latent, picture.View(), nullptr));
    for (float& v : picture.values) v = std::clamp(v, 0.0f, 1.0f);
    return {};
  }

  // One after the other for memory, then in turns for time: what else the
  // machine does disturbs all rungs alike.
  Status Times(int size) {
    const std::vector<LadderRung> ladder = GetLadder(models_, 1);
    std::vector<tool::Measured> memory;
    for (const LadderRung& rung : ladder) {
      const auto measured = Measure(rung, size);
      if (!measured.ok()) return measured.status();
      memory.push_back(*measured);
    }
    std::vector<std::vector<double>> times(ladder.size()), ratios = times;
    for (int round = 0; round < options_.iterations; ++round) {
      std::vector<double> of_round;
      for (const LadderRung& rung : ladder) {
        const auto measured = Measure(rung, size);
        if (!measured.ok()) return measured.status();
        of_round.push_back(measured->times.median);
      }
      for (size_t i = 0; i < ladder.size(); ++i) {
        times[i].push_back(of_round[i]);
        ratios[i].push_back(of_round[i] / of_round.back());
      }
    }
    for (size_t i = 0; i < ladder.size(); ++i)
      std::puts(Json{{"figure", "time"},
                     {"rung", QualityName(ladder[i].quality)},
                     {"size", size},
                     {"threads", threads_->workers()},
                     {"share", ladder[i].share},
                     {"median_ms", Quantile(times[i], 0.5)},
                     {"ratio", Quantile(ratios[i], 0.5)},
                     {"above_mib", memory[i].above_mebibytes},
                     {"peak_rss_mib", memory[i].peak_mebibytes}}
                    .dump()
                    .c_str());
    std::fflush(stdout);
    return {};
  }

  // Two decodes warm up, one counts.
  StatusOr<tool::Measured> Measure(const LadderRung& rung, int size) const {
    return tool::Measure({.model = rung.model,
                          .cpu = "",
                          .parallel = threads_,
                          .size = {size, size},
                          .rung = rung.rung,
                          .iterations = 1});
  }

  const LadderModels models_;
  const Options options_;
  const std::shared_ptr<ParallelFor> threads_;
  std::map<const Model*, Decoder> decoders_;
};

std::vector<int> Numbers(const std::string& words) {
  std::vector<int> numbers;
  for (size_t begin = 0; begin < words.size();
       begin = std::min(words.find(',', begin), words.size() - 1) + 1)
    numbers.push_back(std::atoi(words.c_str() + begin));
  return numbers;
}

Options Parse(int count, char** words) {
  Options options;
  const std::map<std::string, std::function<void(const char*)>> known = {
      {"--model", [&](const char* w) { options.model = w; }},
      {"--latents", [&](const char* w) { options.latents.push_back(w); }},
      {"--sizes", [&](const char* w) { options.sizes = Numbers(w); }},
      {"--threads", [&](const char* w) { options.threads = std::atoi(w); }},
      {"--iterations",
       [&](const char* w) { options.iterations = std::atoi(w); }},
      {"--latents-at-most",
       [&](const char* w) { options.at_most = std::atoi(w); }}};
  for (int i = 1; i + 1 < count; i += 2)
    if (const auto set = known.find(words[i]); set != known.end())
      set->second(words[i + 1]);
  return options;
}

Status Main(int count, char** words) {
  const Options options = Parse(count, words);
  const auto full = LoadModel(options.model, {});
  if (!full.ok()) return full.status();
  LadderModels models{.linear = {}, .builtin = {}, .full = *full};
  const std::string variant = GetModelInfo(**full).variant;
  if (auto linear = LinearModel(variant); linear.ok()) models.linear = *linear;
  if (auto builtin = BuiltinModel(variant); builtin.ok())
    models.builtin = *builtin;
  return Bench(models, options).Run();
}

}  // namespace
}  // namespace tae

int main(int count, char** words) {
  const tae::Status status = tae::Main(count, words);
  if (status.ok()) return 0;
  std::fprintf(stderr, "bench_ladder: %s\n", status.message().c_str());
  return 1;
}
