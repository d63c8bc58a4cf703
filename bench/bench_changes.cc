// What Decoder::DecodeChanged saves: rows of a latent change, and the picture
// is brought up to date, in turns with decoding it whole. A table in Markdown.
//   bench_changes MODEL|linear:VARIANT [THREADS [ROUNDS [SIZE...]]]
// A time holds all that taedecode does for it: comparing latents, decoding,
// copying the kept picture to a frame. SIZE: pixels, square.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"
#include "tae/changed_rows.h"
#include "tae/decoder.h"
#include "timing.h"

namespace {

using tae_bench::Median;
using tae_bench::Milliseconds;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "bench_changes: %s\n", why.c_str());
  std::exit(2);
}

void Check(const tae::Status& status) {
  if (!status.ok()) Fail(status.message());
}

std::shared_ptr<const tae::Model> OpenModel(const std::string& name) {
  const std::string linear = "linear:";
  const auto model = name.rfind(linear, 0) == 0
                         ? tae::LinearModel(name.substr(linear.size()))
                         : tae::LoadModel(name, {});
  Check(model.status());
  return *model;
}

// Which rows of the latent change: a share of its height.
struct Region {
  const char* name;
  double share = 0;  // 0 = one row
  bool middle = false;
};

constexpr Region kRegions[] = {
    {"1 row, top", 0, false},  {"1 row, middle", 0, true},
    {"10 %, top", .1, false},  {"10 %, middle", .1, true},
    {"25 %, top", .25, false}, {"25 %, middle", .25, true},
    {"50 %, top", .5, false},  {"50 %, middle", .5, true},
    {"everything", 1, false},
};

class Stream {
 public:
  Stream(const std::shared_ptr<const tae::Model>& model, int size, int threads)
      : side_(size / tae::GetModelInfo(*model).pixels_per_latent),
        decoder_(model, OptionsOf(threads)),
        kept_(size_t(size) * size * 3),
        shown_(kept_.size()) {
    Check(decoder_.Prepare({.latent = {side_, side_}}));
    const int channels = tae::GetModelInfo(*model).latent_channels;
    values_.resize(size_t(channels) * side_ * side_);
    latent_ = {.data = values_.data(),
               .size = values_.size() * sizeof(uint16_t),
               .dtype = tae::DType::kF16,
               .channels = channels,
               .extent = {side_, side_}};
    Change({"", 1, false});
  }

  // Other values in the region.
  void Change(const Region& region) {
    const int rows = std::max(1, int(region.share * side_));
    const int first = region.middle ? (side_ - rows) / 2 : 0;
    for (int c = 0; c < latent_.channels; ++c)
      for (int i = first * side_; i < (first + rows) * side_; ++i)
        values_[size_t(c) * side_ * side_ + i] =
            tae::F16FromFloat(normal_(random_));
  }

  double DecodeAll() {
    return Milliseconds(
        [&] { Check(decoder_.Decode(latent_, FrameOf(&shown_), nullptr)); });
  }

  double DecodeChanges() {
    return Milliseconds([&] {
      tae::DecodeReport report;
      Check(changed_.Update(latent_));
      Check(decoder_.DecodeChanged(latent_, changed_.rows(), FrameOf(&kept_),
                                   &report));
      std::memcpy(shown_.data(), kept_.data(), kept_.size());
      left_out_ = report.rows_left_out;
    });
  }

  // Of the last DecodeChanges.
  double share_decoded() const { return 1 - double(left_out_) / (8 * side_); }

 private:
  static tae::DecoderOptions OptionsOf(int threads) {
    tae::DecoderOptions options;
    options.parallel = tae::MakeThreadPool({.threads = threads});
    return options;
  }
  tae::FrameView FrameOf(std::vector<uint8_t>* pixels) const {
    const int size = 8 * side_;
    tae::FrameView frame{.width = size, .height = size};
    frame.plane[0] = pixels->data();
    frame.stride[0] = ptrdiff_t{size} * 3;
    return frame;
  }

  const int side_;
  tae::Decoder decoder_;
  std::vector<uint8_t> kept_, shown_;
  std::vector<uint16_t> values_;
  tae::LatentView latent_;
  tae::ChangedRows changed_;
  std::mt19937 random_{1};
  std::normal_distribution<float> normal_;
  int left_out_ = 0;
};

void Compare(const std::shared_ptr<const tae::Model>& model, int size,
             int threads, int rounds) {
  constexpr size_t kCases = std::size(kRegions);
  Stream stream(model, size, threads);
  stream.DecodeAll();  // warms up
  stream.DecodeChanges();
  std::vector<double> all, some[kCases], ratios[kCases];
  double decoded[kCases] = {};
  for (int round = 0; round < rounds; ++round) {
    all.push_back(stream.DecodeAll());
    for (size_t i = 0; i < kCases; ++i) {
      stream.Change(kRegions[i]);
      some[i].push_back(stream.DecodeChanges());
      ratios[i].push_back(some[i].back() / all.back());
      decoded[i] = stream.share_decoded();
    }
  }
  for (size_t i = 0; i < kCases; ++i)
    std::printf("| %d | %s | %.0f %% | %.1f | %.2f |\n", size, kRegions[i].name,
                100 * decoded[i], Median(some[i]), Median(ratios[i]));
  std::printf("| %d | decoded whole | 100 %% | %.1f | 1.00 |\n", size,
              Median(all));
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** words) {
  if (count < 2)
    Fail(
        "usage: bench_changes MODEL|linear:VARIANT [THREADS [ROUNDS "
        "[SIZE...]]]");
  const auto model = OpenModel(words[1]);
  const int threads = count > 2 ? std::atoi(words[2]) : 2;
  const int rounds = count > 3 ? std::max(1, std::atoi(words[3])) : 5;
  std::vector<int> sizes;
  for (int i = 4; i < count; ++i) sizes.push_back(std::atoi(words[i]));
  if (sizes.empty()) sizes = {1024, 2048, 4096};
  std::printf("| pixels | rows that changed | rows decoded | ms | ratio |\n");
  std::printf("|---|---|---|---|---|\n");
  for (int size : sizes) {
    if (size < 8 || size % 8 != 0)
      Fail("SIZE " + std::to_string(size) + ": not a multiple of 8 pixels");
    Compare(model, size, threads, rounds);
  }
  return 0;
}
