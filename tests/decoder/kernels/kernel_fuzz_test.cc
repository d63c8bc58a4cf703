// Every kernel of every table that this CPU runs against plain loops: random
// shapes, cuts, strides and values, NaN, infinities, subnormals and extremes
// among them, with guard bytes around what is read, written and lent.
//
// Each round has a seed of its own. By default the rounds are always the same;
// TAE_FUZZ_MINUTES=10 tries other ones for that long, and TAE_FUZZ_SEED begins
// with the seed that a failure named.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/half.h"
#include "decoder/kernels/fuzz_layers.h"
#include "decoder/kernels/guarded.h"
#include "decoder/kernels/naive.h"
#include "decoder/kernels/plane.h"
#include "kernels/reference/store.h"
#include "kernels/reference/unpack.h"
#include "kernels/tables.h"
#include "support/instrumented.h"

namespace tae {
namespace {

using testing::Content;
using testing::Fill;
using testing::FuzzLayer;
using testing::FuzzLayers;
using testing::Guarded;
using testing::Hostile;
using testing::NaiveConv;
using testing::Plane;

using Packed = std::shared_ptr<PackedLayer>;

// One table, its packed layers, and a case of each of its kernels.
class TableFuzzer {
 public:
  TableFuzzer(const TableEntry& entry, const FuzzLayers& layers)
      : entry_(entry), table_(*entry.table), layers_(layers) {
    const auto own = [this](PackedLayer* layer) {
      EXPECT_NE(layer, nullptr);
      return Packed(layer, table_.free_layer);
    };
    for (const FuzzLayer& l : layers.convs)
      convs_.push_back(own(table_.pack_conv(l.conv)));
    for (const FuzzLayer& l : layers.upconvs)
      upconvs_.push_back(own(table_.pack_upconv(l.conv)));
    for (const FuzzLayer& l : layers.rgbs)
      rgbs_.push_back(own(table_.pack_rgb(l.conv)));
    pool_ = own(table_.pack_pool(layers.pool.weights));
  }

  // One case of each kernel.
  void Round(unsigned seed, std::map<std::string, long>* counts) {
    using Case = void (TableFuzzer::*)();
    static constexpr std::pair<const char*, Case> kCases[] = {
        {"conv", &TableFuzzer::Conv},     {"upconv", &TableFuzzer::UpConv},
        {"rgb", &TableFuzzer::Rgb},       {"shuffle", &TableFuzzer::Shuffle},
        {"pool", &TableFuzzer::Pool},     {"load", &TableFuzzer::Load},
        {"unpack", &TableFuzzer::Unpack}, {"store", &TableFuzzer::Store}};
    for (const auto& [name, run] : kCases) {
      SCOPED_TRACE(std::string(table_.name) + " " + name +
                   ", TAE_FUZZ_SEED=" + std::to_string(seed));
      random_.seed(seed);
      scratch_ = Guarded(table_.scratch_bytes, 0, Below(2) ? 0xff : 0);
      (this->*run)();
      EXPECT_TRUE(scratch_.Intact()) << "scratch";
      ++(*counts)[name];
    }
  }

 private:
  int Below(int end) { return int(random_() % unsigned(end)); }
  int Between(int least, int most) { return least + Below(most - least + 1); }

  // A plane of what this layer can be compared on, or, one time in four, of
  // values that only must not do harm.
  Plane Input(int height, int width, float weight_size, bool* hostile) {
    Plane in(height, width, table_.bytes_per_channel, 64 * Below(3));
    static constexpr Content kContents[] = {Content::kRandom, Content::kRelu,
                                            Content::kZero, Content::kTiny};
    *hostile = Below(4) == 0;
    if (weight_size < 0.01f && Below(2))
      Fill(&in, Content::kLarge, &random_);
    else
      Fill(&in, kContents[Below(std::size(kContents))], &random_);
    if (*hostile) Spoil(&in);
    return in;
  }
  void Spoil(Plane* in) {
    const int rarely = 1 + Below(400);
    for (int y = 0; y < in->height(); ++y)
      for (int x = 0; x < in->width(); ++x)
        for (int c = 0; c < kChannels; ++c)
          if (Below(rarely) == 0) in->Set(y, x, c, Hostile(&random_));
  }

  // `want` is before the relu.
  void ExpectNear(Plane& got, const std::vector<double>& want, int channels,
                  bool relu) const {
    double largest = 1e-30, error = 0;
    for (double w : want) largest = std::max(largest, std::abs(w));
    for (int y = 0; y < got.height(); ++y)
      for (int x = 0; x < got.width(); ++x)
        for (int c = 0; c < channels; ++c) {
          double w = want[(size_t(y) * got.width() + x) * channels + c];
          if (relu) w = std::max(w, 0.0);
          const double difference = std::abs(got.Get(y, x, c) - w);
          if (!(difference <= error)) error = difference;  // NaN must not pass
        }
    EXPECT_LE(error, testing::ConvBound(entry_) * largest + 3.1e-8)
        << got.height() << "x" << got.width() << " largest " << largest;
  }

  // Calls run(begin, end) for all of `tiles`, cut where a row may be cut.
  template <class Run>
  void Cut(int tiles, Run run) {
    for (int begin = 0; begin < tiles;) {
      const int end = std::min(tiles, begin + table_.tile_grid * Between(1, 6));
      run(begin, end);
      begin = end;
    }
  }

  void Conv() {
    const size_t which = Below(int(convs_.size()));
    const FuzzLayer& layer = layers_.convs[which];
    const int height = Between(1, 9), width = Between(1, 40);
    bool hostile = false;
    Plane in = Input(height, width, layer.size, &hostile);
    Plane skip(height, width, table_.bytes_per_channel);
    Plane out(height, width, table_.bytes_per_channel, 64 * Below(3));
    Fill(&skip, Content::kRandom, &random_);
    Fill(&out, Content::kRandom, &random_);
    const bool with_skip = Below(2), relu = Below(2);
    const std::vector<char> before = in.Bytes();
    for (int y = -Below(kTile); y < height; y += kTile)
      Cut((width + kTile - 1) / kTile, [&](int begin, int end) {
        ConvTask task = {};
        for (int r = 0; r < 6; ++r) task.in[r] = in.InRow(y - 1 + r);
        for (int r = 0; r < 4; ++r) {
          task.out[r] = out.OutRow(y + r);
          task.skip[r] = with_skip ? skip.InRow(y + r) : nullptr;
        }
        task.tile_begin = begin;
        task.tile_end = end;
        task.width = width;
        task.relu = relu;
        table_.conv(convs_[which].get(), task, scratch_.data());
      });
    EXPECT_TRUE(before == in.Bytes()) << "input";
    EXPECT_TRUE(skip.BordersIntact()) << "skip";
    EXPECT_TRUE(out.BordersIntact()) << "output";
    if (!hostile)
      ExpectConv(layer.conv, in, with_skip ? &skip : nullptr, out, relu);
  }
  // Channels that the layer lacks are zeros, or what is added.
  void ExpectConv(ConvWeights conv, Plane& in, Plane* skip, Plane& out,
                  bool relu) const {
    conv.out_channels = kChannels;
    conv.weight.resize(size_t(kChannels) * conv.in_channels * 9);
    if (!conv.bias.empty()) conv.bias.resize(kChannels);
    ExpectNear(out, NaiveConv(conv, in, skip, false), kChannels, relu);
  }

  void UpConv() {
    const size_t which = Below(int(upconvs_.size()));
    const FuzzLayer& layer = layers_.upconvs[which];
    const int height = Between(1, 5), width = Between(1, 20);
    bool hostile = false;
    Plane in = Input(height, width, layer.size, &hostile);
    Plane out(2 * height, 2 * width, table_.bytes_per_channel, 64 * Below(3));
    Fill(&out, Content::kRandom, &random_);
    const bool relu = Below(2);
    const std::vector<char> before = in.Bytes();
    for (int t = 0; t <= height / 2; ++t)
      Cut(width / 2 + 1, [&](int begin, int end) {
        UpConvTask task = {};
        for (int r = 0; r < 3; ++r) task.in[r] = in.InRow(2 * t - 1 + r);
        for (int r = 0; r < 4; ++r) task.out[r] = out.OutRow(4 * t - 1 + r);
        task.tile_begin = begin;
        task.tile_end = end;
        task.in_width = width;
        task.relu = relu;
        table_.upconv(upconvs_[which].get(), task, scratch_.data());
      });
    EXPECT_TRUE(before == in.Bytes()) << "input";
    EXPECT_TRUE(out.BordersIntact()) << "output";
    if (hostile) return;
    Plane up(2 * height, 2 * width, table_.bytes_per_channel);
    for (int y = 0; y < 2 * height; ++y)
      for (int x = 0; x < 2 * width; ++x)
        for (int c = 0; c < kChannels; ++c)
          up.Set(y, x, c, float(in.Get(y / 2, x / 2, c)));
    ExpectNear(out, NaiveConv(layer.conv, up, nullptr, false), kChannels, relu);
  }

  void Rgb() {
    const size_t which = Below(int(rgbs_.size()));
    const FuzzLayer& layer = layers_.rgbs[which];
    const int height = Between(1, 9), width = Between(1, 150);
    bool hostile = false;
    Plane in = Input(height, width, layer.size, &hostile);
    std::vector<Guarded> rows;
    for (int i = 0; i < 3 * height; ++i)
      rows.emplace_back(width * sizeof(float), 4 * Below(16));
    const std::vector<char> before = in.Bytes();
    for (int y = 0; y < height; y += kTile)
      Cut((width + kTile - 1) / kTile, [&](int begin, int end) {
        RgbTask task = {};
        for (int r = 0; r < 6; ++r) task.in[r] = in.InRow(y - 1 + r);
        for (int c = 0; c < 3; ++c)
          for (int r = 0; r < 4 && y + r < height; ++r)
            task.rgb[c][r] = rows[c * height + y + r].floats();
        task.tile_begin = begin;
        task.tile_end = end;
        task.width = width;
        table_.rgb(rgbs_[which].get(), task, scratch_.data());
      });
    EXPECT_TRUE(before == in.Bytes()) << "input";
    for (const Guarded& row : rows) EXPECT_TRUE(row.Intact()) << "output";
    if (hostile) return;
    const std::vector<double> want = NaiveConv(layer.conv, in, nullptr, false);
    double largest = 1e-30, error = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      const size_t pixel = i / 3, c = i % 3;
      largest = std::max(largest, std::abs(want[i]));
      const float got =
          rows[c * height + pixel / width].floats()[pixel % width];
      const double difference = std::abs(got - want[i]);
      if (!(difference <= error)) error = difference;
    }
    EXPECT_LE(error, 0.5 * testing::ConvBound(entry_) * largest + 3.1e-8)
        << height << "x" << width;
  }

  void Shuffle() {
    const int width = Between(1, 70), scale = Below(2) ? 2 : 4;
    Plane in(1, width, table_.bytes_per_channel);
    Fill(&in, Content::kRandom, &random_);
    Spoil(&in);
    std::vector<Guarded> rows;
    for (int i = 0; i < 12; ++i)
      rows.emplace_back(size_t(width) * scale * sizeof(float), 4 * Below(16));
    ShuffleTask task{
        .row = in.InRow(0), .width = width, .scale = scale, .rgb = {}};
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < scale; ++y) task.rgb[c][y] = rows[c * 4 + y].floats();
    table_.shuffle(task);
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < scale; ++y) {
        EXPECT_TRUE(rows[c * 4 + y].Intact());
        for (int x = 0; x < width * scale; ++x) {
          const auto want =
              float(in.Get(0, x / scale, (c * scale + y) * scale + x % scale));
          const float got = rows[c * 4 + y].floats()[x];
          ASSERT_TRUE(got == want || (std::isnan(got) && std::isnan(want)))
              << got << " for " << want << " at " << x;
        }
      }
  }

  void Pool() {
    const int height = Between(1, 4), width = Between(1, 40);
    Plane in(height, width, table_.bytes_per_channel, 64 * Below(3));
    const bool hostile = Below(4) == 0;
    Fill(&in, Content::kRelu, &random_);
    if (hostile) Spoil(&in);
    const std::vector<double> want =
        hostile ? std::vector<double>() : layers_.pool.Run(in);
    std::vector<double> total(table_.pool_stats_floats);
    for (int y = 0; y < height; ++y) {
      Guarded part(total.size() * sizeof(float), 0, 0);
      const void* row = in.Row(y);
      table_.pool_stats(&row, 1, width, part.floats(), scratch_.data());
      EXPECT_TRUE(part.Intact()) << "sums";
      for (size_t i = 0; i < total.size(); ++i) total[i] += part.floats()[i];
    }
    Guarded folded(table_.pool_folded_bytes);
    table_.fold_pool(pool_.get(), total.data(), double(height) * width,
                     folded.data());
    EXPECT_TRUE(folded.Intact()) << "folded weights";
    for (int y = 0; y < height; ++y)
      for (int begin = 0; begin < width;) {
        const int end = std::min(width, begin + 4 * Between(1, 5));
        table_.pool(folded.data(), PoolTask{in.Row(y), begin, end},
                    scratch_.data());
        begin = end;
      }
    EXPECT_TRUE(in.BordersIntact());
    if (!hostile) ExpectNear(in, want, kChannels, false);
  }

  void Load() {
    const int channels = Between(1, kChannels), width = Between(1, 70);
    Guarded z(size_t(channels) * width * sizeof(float), 4 * Below(16));
    std::normal_distribution<float> normal(0, 3);
    for (int i = 0; i < channels * width; ++i)
      z.floats()[i] = Below(5) ? normal(random_) : Hostile(&random_);
    Plane out(1, width, table_.bytes_per_channel);
    Fill(&out, Content::kRandom, &random_);
    table_.load(LoadTask{.z = z.floats(),
                         .channels = channels,
                         .width = width,
                         .out = out.Row(0)});
    EXPECT_TRUE(out.BordersIntact());
    EXPECT_TRUE(z.Intact());
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < kChannels; ++c) {
        const double value =
            c < channels ? z.floats()[size_t(c) * width + x] : 0;
        if (!std::isfinite(value)) continue;  // not what unpack gives
        const double want = 3 * std::tanh(value / 3);
        const double rounding =
            table_.bytes_per_channel == 2 ? std::abs(want) / 2048 : 0;
        ASSERT_NEAR(out.Get(0, x, c), want, rounding + 1e-6) << value;
      }
  }

  void Unpack() {
    const int channels = Between(1, 33);
    LatentView view{
        .dtype = DType(Below(3)),
        .layout = LatentLayout(Below(int(LatentLayout::kPackedIdeogram4) + 1)),
        .channels = channels,
        .extent = {2 * Between(1, 3), 2 * Between(1, 70)}};
    const int width = view.extent.width, height = view.extent.height;
    const size_t count = size_t(channels) * width * height;
    const size_t size = SizeOf(view.dtype);
    Guarded bytes(count * size, Below(8));
    FillLatent(view.dtype, count, bytes.data());
    view.data = bytes.data();
    view.size = count * size;
    std::vector<float> scale(4 * channels), shift(4 * channels);
    for (float& s : scale) s = 0.25f * float(Between(1, 20));
    for (float& s : shift) s = float(Between(-5, 5));
    UnpackTask task{.latent = &view, .affine = {}, .y = Below(height)};
    const bool affine = Below(2);
    if (affine) task.affine = {scale.data(), shift.data()};
    Guarded want(size_t(channels) * width * sizeof(float));
    Guarded got(size_t(channels) * width * sizeof(float), 4 * Below(16));
    task.z = want.floats();
    const int64_t bad = reference::Unpack(task);
    task.z = got.floats();
    EXPECT_EQ(table_.unpack(task), bad);
    EXPECT_TRUE(got.Intact() && want.Intact() && bytes.Intact());
    for (int i = 0; i < channels * width; ++i) {
      const float w = want.floats()[i], g = got.floats()[i];
      // The product and the sum may be rounded once instead of twice.
      const double bound = affine ? 1e-5 + 1e-6 * std::abs(double(w)) : 0;
      ASSERT_TRUE(g == w || std::abs(double(g) - w) <= bound)
          << g << " for " << w << ", layout " << int(view.layout) << ", dtype "
          << int(view.dtype) << " at " << i;
    }
  }
  void FillLatent(DType dtype, size_t count, unsigned char* to) {
    std::normal_distribution<float> normal;
    const int rarely = 1 + Below(50);
    for (size_t i = 0; i < count; ++i) {
      const float value = Below(rarely) ? normal(random_) : Hostile(&random_);
      const uint16_t half =
          dtype == DType::kF16 ? F16FromFloat(value) : BF16FromFloat(value);
      std::memcpy(to + i * SizeOf(dtype),
                  dtype == DType::kF32 ? static_cast<const void*>(&value)
                                       : static_cast<const void*>(&half),
                  SizeOf(dtype));
    }
  }

  void Store();

  const TableEntry entry_;
  const KernelTable& table_;
  const FuzzLayers& layers_;
  std::vector<Packed> convs_, upconvs_, rgbs_;
  Packed pool_;
  Guarded scratch_{0};
  std::mt19937 random_;
};

// Stores `rgb` ([3][height][stride] floats) by rows of four, cut at `cuts`.
void StoreAll(void (*store)(const StoreTask&), const std::vector<float>& rgb,
              const std::vector<int>& cuts, const FrameView& frame) {
  for (int y = 0; y < frame.height; y += 4)
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      StoreTask task{.rgb = {},
                     .y = y,
                     .row_count = std::min(4, frame.height - y),
                     .begin = cuts[i],
                     .end = cuts[i + 1],
                     .frame = &frame};
      for (int c = 0; c < 3; ++c)
        for (int r = 0; r < task.row_count; ++r)
          task.rgb[c][r] =
              rgb.data() + (size_t(c) * frame.height + y + r) * frame.width;
      store(task);
    }
}

void ExpectSameSamples(const FrameView& got, const FrameView& want) {
  const int size = want.format == PixelFormat::kRgba64Le ? 2 : 1;
  const int most = want.format == PixelFormat::kRgbPlanarF32 ? 0 : 1;
  int different = 0;
  for (int p = 0; p < 3; ++p)
    for (int y = 0; y < want.height; ++y)
      for (ptrdiff_t i = 0; i + size <= want.stride[p]; i += size) {
        const ptrdiff_t at = y * want.stride[p] + i;
        uint16_t a = 0, b = 0;
        std::memcpy(&a, static_cast<char*>(got.plane[p]) + at, size);
        std::memcpy(&b, static_cast<char*>(want.plane[p]) + at, size);
        different += a != b;
        ASSERT_LE(std::abs(a - b), most)
            << "format " << int(want.format) << " width " << want.width
            << " plane " << p << " row " << y << " byte " << i;
      }
  EXPECT_LE(different, 2 + 3 * want.width * want.height / 100);
}

// The twin leaves its own guard bytes alone (store_test.cc), so where a row has
// ended both must show them.
void TableFuzzer::Store() {
  const auto format = PixelFormat(Below(int(PixelFormat::kRgbPlanarF32) + 1));
  const int width = Between(1, 300), height = 2 * Between(1, 3);
  std::vector<float> rgb(size_t(3) * width * height);
  std::uniform_real_distribution<float> uniform(-0.2f, 1.2f);
  const int rarely = 1 + Below(50);
  for (float& v : rgb) v = Below(rarely) ? uniform(random_) : Hostile(&random_);
  std::vector<int> cuts = {0};
  while (cuts.back() < width)
    cuts.push_back(std::min(width, cuts.back() + 4 * Between(1, 40)));
  const bool floats = format == PixelFormat::kRgbPlanarF32;
  std::vector<Guarded> got, want;
  FrameView frame{.format = format, .width = width, .height = height};
  FrameView twin = frame;
  const int gap = floats ? 4 * Below(9) : Below(33);
  const size_t row = size_t(width) * 8 + 8 + gap;
  for (int p = 0; p < 3; ++p) {
    got.emplace_back(row * height, floats ? 4 * Below(16) : Below(64));
    want.emplace_back(row * height);
    frame.stride[p] = twin.stride[p] = ptrdiff_t(row);
  }
  for (int p = 0; p < 3; ++p) {
    frame.plane[p] = got[p].data();
    twin.plane[p] = want[p].data();
  }
  StoreAll(reference::Store, rgb, {0, width}, twin);
  StoreAll(table_.store, rgb, cuts, frame);
  for (int p = 0; p < 3; ++p) EXPECT_TRUE(got[p].Intact() && want[p].Intact());
  ExpectSameSamples(frame, twin);
}

unsigned long Environment(const char* name, unsigned long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

TEST(KernelFuzzTest, EveryTableIsItsTwin) {
  using Clock = std::chrono::steady_clock;
  const unsigned long minutes = Environment("TAE_FUZZ_MINUTES", 0);
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const auto seed = unsigned(
      Environment("TAE_FUZZ_SEED", minutes > 0 ? unsigned(now / 1000) : 1));
  const auto end = Clock::now() + std::chrono::minutes(minutes);
  const auto rounds = unsigned(testing::Sample({240}, {3}).front());
  std::printf("TAE_FUZZ_SEED=%u\n", seed);
  const FuzzLayers layers;
  std::vector<std::unique_ptr<TableFuzzer>> fuzzers;
  for (const TableEntry& entry : KernelTables())
    if (entry.supported())
      fuzzers.push_back(std::make_unique<TableFuzzer>(entry, layers));
  if (fuzzers.empty()) GTEST_SKIP() << "this CPU runs none of the tables";
  std::map<std::string, long> counts;
  unsigned round = 0;
  for (; minutes > 0 ? Clock::now() < end : round < rounds; ++round)
    for (auto& fuzzer : fuzzers) {
      fuzzer->Round(seed + round, &counts);
      ASSERT_FALSE(HasFailure());
    }
  std::printf("%u rounds of %zu tables\n", round, fuzzers.size());
  for (const auto& [kernel, count] : counts)
    std::printf("%-8s %ld cases\n", kernel.c_str(), count);
  for (const char* kernel :
       {"conv", "upconv", "rgb", "shuffle", "pool", "load", "unpack", "store"})
    EXPECT_GT(counts[kernel], 0) << kernel;
}

}  // namespace
}  // namespace tae
