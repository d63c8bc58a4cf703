// Every table that this machine can run against plain loops in double, over
// shapes around the tile, with canaries around every output row.
#include "kernels/kernel_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"
#include "decoder/kernels/naive.h"
#include "decoder/kernels/plane.h"
#include "kernels/tables.h"
#include "support/instrumented.h"

namespace tae {

// Names a failing parameter.
void PrintTo(const TableEntry& entry, std::ostream* out) {
  *out << entry.table->name;
}

namespace {

using testing::Content;
using testing::ConvBound;
using testing::Fill;
using testing::NaiveConv;
using testing::NaivePool;
using testing::Plane;
using testing::RandomConv;

struct AlignedDelete {
  void operator()(char* p) const {
    ::operator delete (p, std::align_val_t{64});
  }
};
using AlignedBytes = std::unique_ptr<char, AlignedDelete>;

AlignedBytes NewAligned(size_t bytes) {
  auto* p = static_cast<char*>(::operator new (bytes, std::align_val_t{64}));
  std::memset(p, 0xff, bytes);  // NaNs: nothing may rely on clean scratch
  return AlignedBytes(p);
}

std::string Size(int width, int height) {
  std::string text = std::to_string(width);
  text += 'x';
  return text += std::to_string(height);
}

// Around the tile of four columns.
std::vector<int> Widths() {
  return testing::Sample({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 4, 6});
}

class KernelTableTest : public ::testing::TestWithParam<TableEntry> {
 protected:
  void SetUp() override {
    if (!GetParam().supported()) GTEST_SKIP() << "not on this CPU";
    scratch_ = NewAligned(table().scratch_bytes);
  }
  const KernelTable& table() const { return *GetParam().table; }
  double bound() const { return ConvBound(GetParam()); }
  Plane NewPlane(int height, int width) const {
    return Plane(height, width, table().bytes_per_channel);
  }
  // Owns what pack returns.
  std::shared_ptr<PackedLayer> Own(PackedLayer* layer) const {
    EXPECT_NE(layer, nullptr);
    EXPECT_GT(table().layer_bytes(layer), 0u);
    return {layer, table().free_layer};
  }

  void ExpectNear(Plane& got, const std::vector<double>& want,
                  const std::string& what) const {
    double largest = 1e-30, error = 0;
    for (double w : want) largest = std::max(largest, std::abs(w));
    size_t i = 0;
    for (int y = 0; y < got.height(); ++y)
      for (int x = 0; x < got.width(); ++x)
        for (int c = 0; c < kChannels; ++c, ++i) {
          const double difference = std::abs(got.Get(y, x, c) - want[i]);
          // Not std::max: a NaN must not pass.
          if (!(difference <= error)) error = difference;
        }
    // The last term: half a unit of the smallest fp16.
    EXPECT_LE(error, bound() * largest + 3.1e-8) << what;
    EXPECT_TRUE(got.BordersIntact()) << what;
  }

  AlignedBytes scratch_;
  std::mt19937 random_{7};
};

// Runs conv over the plane, `chunk` times the table's grid of tiles a call, on
// a grid of tiles that begins `shift` rows above the plane.
void RunConv(const KernelTable& table, const PackedLayer* layer, Plane& in,
             Plane* skip, bool relu, int chunk, void* scratch, Plane* out,
             int shift = 0) {
  const int tiles = (in.width() + kTile - 1) / kTile;
  chunk *= table.tile_grid;
  for (int y = -shift; y < in.height(); y += kTile)
    for (int begin = 0; begin < tiles; begin += chunk) {
      ConvTask task;
      for (int r = 0; r < 6; ++r) task.in[r] = in.InRow(y - 1 + r);
      for (int r = 0; r < 4; ++r) {
        task.out[r] = out->OutRow(y + r);
        task.skip[r] = skip == nullptr ? nullptr : skip->InRow(y + r);
      }
      task.tile_begin = begin;
      task.tile_end = std::min(begin + chunk, tiles);
      task.width = in.width();
      task.relu = relu;
      table.conv(layer, task, scratch);
    }
}

TEST_P(KernelTableTest, ConvMatchesNaiveLoopAroundTheTile) {
  const ConvWeights conv = RandomConv(64, 64, 9, true, 0.05f, &random_);
  const auto layer = Own(table().pack_conv(conv));
  for (int width : Widths())
    for (int height : testing::Sample({1, 3, 4, 5, 7}, {1, 5})) {
      Plane in = NewPlane(height, width), skip = NewPlane(height, width);
      Plane out = NewPlane(height, width);
      Fill(&in, Content::kRelu, &random_);
      Fill(&skip, Content::kRandom, &random_);
      const bool relu = width % 2, with_skip = height % 2;
      Plane* skip_or_null = with_skip ? &skip : nullptr;
      RunConv(table(), layer.get(), in, skip_or_null, relu, 1 + width % 3,
              scratch_.get(), &out, width % 4);
      ExpectNear(out, NaiveConv(conv, in, skip_or_null, relu),
                 Size(width, height));
    }
}

TEST_P(KernelTableTest, ConvOfHardContents) {
  for (Content content : {Content::kZero, Content::kHugeChannel, Content::kTiny,
                          Content::kLarge, Content::kRandom}) {
    const float size = content == Content::kLarge ? 1e-3f : 0.05f;
    const bool bias = content == Content::kHugeChannel;
    const ConvWeights conv = RandomConv(64, 64, 9, bias, size, &random_);
    const auto layer = Own(table().pack_conv(conv));
    Plane in = NewPlane(6, 10), out = NewPlane(6, 10);
    Fill(&in, content, &random_);
    RunConv(table(), layer.get(), in, nullptr, false, 99, scratch_.get(), &out);
    ExpectNear(out, NaiveConv(conv, in, nullptr, false),
               "content " + std::to_string(int(content)));
  }
}

// Weights and inputs whose products all have the same sign and full size: no
// sum of integers may overflow.
TEST_P(KernelTableTest, ConvCannotOverflow) {
  ConvWeights conv = RandomConv(64, 64, 9, false, 0, &random_);
  for (size_t i = 0; i < conv.weight.size(); ++i)
    conv.weight[i] = (i / 3 + i) % 2 ? 0.01f : -0.01f;
  const auto layer = Own(table().pack_conv(conv));
  Plane in = NewPlane(8, 8), out = NewPlane(8, 8);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x)
      for (int c = 0; c < kChannels; ++c)
        in.Set(y, x, c, (x + y) % 2 ? 100.0f : -100.0f);
  RunConv(table(), layer.get(), in, nullptr, false, 99, scratch_.get(), &out);
  ExpectNear(out, NaiveConv(conv, in, nullptr, false), "same signs");
}

TEST_P(KernelTableTest, ConvOfFewChannels) {
  const ConvWeights conv = RandomConv(4, 64, 9, true, 0.2f, &random_);
  const auto layer = Own(table().pack_conv(conv));
  Plane in = NewPlane(5, 6), out = NewPlane(5, 6);
  Fill(&in, Content::kRandom, &random_);
  RunConv(table(), layer.get(), in, nullptr, true, 1, scratch_.get(), &out);
  ExpectNear(out, NaiveConv(conv, in, nullptr, true), "4 channels");
}

// Channels that a layer does not put out are zeros, or what skip adds.
TEST_P(KernelTableTest, ConvToFewChannels) {
  for (int outputs : testing::Sample({3, 12, 48}, {12}))
    for (const bool with_skip : {false, true}) {
      ConvWeights conv = RandomConv(64, outputs, 9, true, 0.1f, &random_);
      const auto layer = Own(table().pack_conv(conv));
      Plane in = NewPlane(9, 38), out = NewPlane(9, 38), skip = NewPlane(9, 38);
      Fill(&in, Content::kRelu, &random_);
      Fill(&out, Content::kRandom, &random_);
      Fill(&skip, Content::kRandom, &random_);
      Plane* const added = with_skip ? &skip : nullptr;
      RunConv(table(), layer.get(), in, added, true, 99, scratch_.get(), &out,
              outputs % 5);
      conv.out_channels = kChannels;
      conv.weight.resize(size_t(kChannels) * 64 * 9);
      conv.bias.resize(kChannels);
      ExpectNear(out, NaiveConv(conv, in, added, true),
                 std::to_string(outputs) + " outputs");
    }
}

// However a row is cut into calls, its bits are the same.
TEST_P(KernelTableTest, ConvBitsDoNotDependOnTheCut) {
  const auto layer =
      Own(table().pack_conv(RandomConv(64, 64, 9, true, 0.05f, &random_)));
  Plane in = NewPlane(4, 210), whole = NewPlane(4, 210);
  Fill(&in, Content::kRelu, &random_);
  RunConv(table(), layer.get(), in, nullptr, true, 99, scratch_.get(), &whole);
  for (int chunk : {1, 5, 24, 25}) {
    Plane cut = NewPlane(4, 210);
    RunConv(table(), layer.get(), in, nullptr, true, chunk, scratch_.get(),
            &cut);
    for (int y = 0; y < 4; ++y)
      EXPECT_EQ(std::memcmp(cut.Row(y), whole.Row(y),
                            RowBytes(210, table().bytes_per_channel)),
                0)
          << chunk;
  }
}

TEST_P(KernelTableTest, UpConvMatchesNaiveLoop) {
  for (int width : Widths())
    for (int height : testing::Sample({1, 2, 3, 4}, {1, 4})) {
      const bool relu = height % 2;
      const ConvWeights conv =
          RandomConv(64, 64, 9, width % 2, 0.05f, &random_);
      const auto layer = Own(table().pack_upconv(conv));
      Plane in = NewPlane(height, width);
      Plane up = NewPlane(2 * height, 2 * width);
      Plane out = NewPlane(2 * height, 2 * width);
      Fill(&in, Content::kRelu, &random_);
      for (int y = 0; y < 2 * height; ++y)
        for (int x = 0; x < 2 * width; ++x)
          for (int c = 0; c < kChannels; ++c)
            up.Set(y, x, c, float(in.Get(y / 2, x / 2, c)));
      const int tiles = width / 2 + 1;
      const int chunk = (1 + width % 3) * table().tile_grid;
      for (int t = 0; t <= height / 2; ++t)
        for (int begin = 0; begin < tiles; begin += chunk) {
          UpConvTask task;
          for (int r = 0; r < 3; ++r) task.in[r] = in.InRow(2 * t - 1 + r);
          for (int r = 0; r < 4; ++r) task.out[r] = out.OutRow(4 * t - 1 + r);
          task.tile_begin = begin;
          task.tile_end = std::min(begin + chunk, tiles);
          task.in_width = width;
          task.relu = relu;
          table().upconv(layer.get(), task, scratch_.get());
        }
      ExpectNear(out, NaiveConv(conv, up, nullptr, relu), Size(width, height));
    }
}

TEST_P(KernelTableTest, ShuffleMovesEveryChannelToItsPixel) {
  constexpr float kCanary = -77;
  for (int scale : {2, 4})
    for (int width : {1, 3, 4, 5, 17}) {
      Plane in = NewPlane(1, width);
      Fill(&in, Content::kRandom, &random_);
      std::vector<float> rows(size_t(12) * (width * scale + 1), kCanary);
      ShuffleTask task{
          .row = in.InRow(0), .width = width, .scale = scale, .rgb = {}};
      const auto row = [&](int c, int y) {
        return rows.data() + size_t(c * 4 + y) * (width * scale + 1);
      };
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < scale; ++y) task.rgb[c][y] = row(c, y);
      table().shuffle(task);
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x <= width * scale; ++x) {
            const bool inside = y < scale && x < width * scale;
            EXPECT_EQ(row(c, y)[x],
                      inside ? in.Get(0, x / scale,
                                      (c * scale + y) * scale + x % scale)
                             : kCanary)
                << c << ' ' << y << ' ' << x;
          }
    }
}

TEST_P(KernelTableTest, RgbMatchesNaiveLoop) {
  const ConvWeights conv = RandomConv(64, 3, 9, true, 0.05f, &random_);
  const auto layer = Own(table().pack_rgb(conv));
  for (int width :
       testing::Sample({1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 131, 260, 515},
                       {1, 4, 9, 33, 131}))
    for (int height : {1, 4, 6}) {
      Plane in = NewPlane(height, width);
      Fill(&in, Content::kRelu, &random_);
      std::vector<float> out(size_t(3) * height * (width + 2), -77.0f);
      const auto row = [&](int c, int y) {
        return out.data() + (size_t(c) * height + y) * (width + 2) + 1;
      };
      const int tiles = (width + kTile - 1) / kTile, chunk = 1 + width / 3;
      for (int y = 0; y < height; y += kTile)
        for (int begin = 0; begin < tiles; begin += chunk) {
          RgbTask task;
          for (int r = 0; r < 6; ++r) task.in[r] = in.InRow(y - 1 + r);
          for (int c = 0; c < 3; ++c)
            for (int r = 0; r < 4; ++r)
              task.rgb[c][r] = y + r < height ? row(c, y + r) : nullptr;
          task.tile_begin = begin;
          task.tile_end = std::min(begin + chunk, tiles);
          task.width = width;
          table().rgb(layer.get(), task, scratch_.get());
        }
      const std::vector<double> want = NaiveConv(conv, in, nullptr, false);
      double largest = 0, error = 0;
      for (int y = 0; y < height; ++y)
        for (int c = 0; c < 3; ++c) {
          EXPECT_EQ(row(c, y)[-1], -77.0f);
          EXPECT_EQ(row(c, y)[width], -77.0f);
          for (int x = 0; x < width; ++x) {
            const double w = want[(size_t(y) * width + x) * 3 + c];
            largest = std::max(largest, std::abs(w));
            const double difference = std::abs(row(c, y)[x] - w);
            if (!(difference <= error)) error = difference;
          }
        }
      EXPECT_LE(error, 0.5 * bound() * largest) << width << "x" << height;
    }
}

TEST_P(KernelTableTest, LoadClampsAndTransposes) {
  for (int channels : {4, 16, 32})
    for (int width : {1, 5, 16, 19, 33}) {
      std::vector<float> z(size_t(channels) * width);
      std::normal_distribution<float> normal(0, 3);
      for (float& v : z) v = normal(random_);
      z[0] = 1e30f;
      z.back() = -100;
      Plane out = NewPlane(1, width);
      LoadTask task;
      task.z = z.data();
      task.channels = channels;
      task.width = width;
      task.out = out.Row(0);
      table().load(task);
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < kChannels; ++c) {
          const double want =
              c < channels ? 3 * std::tanh(z[size_t(c) * width + x] / 3.0) : 0;
          const double rounding =
              table().bytes_per_channel == 2 ? std::abs(want) / 2048 : 0;
          EXPECT_NEAR(out.Get(0, x, c), want, rounding + 1e-6);
        }
      EXPECT_TRUE(out.BordersIntact());
    }
}

TEST_P(KernelTableTest, PoolMatchesNaiveLoop) {
  NaivePool naive;
  naive.weights.expand = RandomConv(64, 256, 1, false, 0.1f, &random_);
  naive.weights.contract = RandomConv(256, 64, 1, false, 0.1f, &random_);
  const ConvWeights affine = RandomConv(1, 256, 1, true, 1.0f, &random_);
  naive.weights.gamma = affine.weight;
  naive.weights.beta = affine.bias;
  const auto layer = Own(table().pack_pool(naive.weights));
  for (int width : {1, 5, 6, 13, 70}) {
    Plane in = NewPlane(3, width);
    Fill(&in, Content::kRelu, &random_);
    const std::vector<double> want = naive.Run(in);
    std::vector<double> total(table().pool_stats_floats);
    for (int y = 0; y < 3; ++y) {
      std::vector<float> part(table().pool_stats_floats);
      const void* row = in.Row(y);
      table().pool_stats(&row, 1, width, part.data(), scratch_.get());
      for (size_t i = 0; i < part.size(); ++i) total[i] += part[i];
    }
    const AlignedBytes folded = NewAligned(table().pool_folded_bytes);
    table().fold_pool(layer.get(), total.data(), 3.0 * width, folded.get());
    for (int y = 0; y < 3; ++y)
      for (int begin = 0; begin < width; begin += 4) {
        PoolTask task;
        task.row = in.Row(y);
        task.begin = begin;
        task.end = std::min(begin + 4, width);
        table().pool(folded.get(), task, scratch_.get());
      }
    ExpectNear(in, want, "width " + std::to_string(width));
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, KernelTableTest,
                         ::testing::ValuesIn(KernelTables().begin(),
                                             KernelTables().end()),
                         [](const auto& info) {
                           return std::string(info.param.table->name);
                         });

}  // namespace
}  // namespace tae
