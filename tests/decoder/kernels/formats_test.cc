// Every table's reader of latents and writer of pixels against its scalar twin,
// over formats, layouts, odd cuts and numbers that are none.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"
#include "kernels/reference/store.h"
#include "kernels/reference/unpack.h"
#include "kernels/tables.h"
#include "support/instrumented.h"

namespace tae {
namespace {

constexpr uint8_t kCanary = 0xA5;

class FormatsTest : public ::testing::TestWithParam<TableEntry> {
 protected:
  void SetUp() override {
    if (!GetParam().supported()) GTEST_SKIP() << "not on this CPU";
  }
  const KernelTable& table() const { return *GetParam().table; }
  std::mt19937 random_{11};
};

// A frame of any format, each plane four times as large as it must be.
struct Picture {
  Picture(PixelFormat format, int width, int height) {
    frame.format = format;
    frame.width = width;
    frame.height = height;
    for (int p = 0; p < 3; ++p) {
      memory[p].assign(size_t(width * 8 + 11) * height, kCanary);
      frame.plane[p] = memory[p].data();
      frame.stride[p] = width * 8 + 11;
      if (format == PixelFormat::kRgbPlanarF32) frame.stride[p] -= 3;
    }
  }
  FrameView frame;
  std::vector<uint8_t> memory[3];
};

struct Colours {
  Colours(int width, int height, std::mt19937* random)
      : width(width), height(height) {
    std::uniform_real_distribution<float> uniform(-0.2f, 1.2f);
    for (auto& plane : values) {
      plane.resize(size_t(width) * height);
      for (float& v : plane) v = uniform(*random);
    }
    values[0][3] = NAN;
    values[1][5] = INFINITY;
    values[2][8] = -INFINITY;
  }
  // Stores by rows of four and `cut` columns.
  void Store(void (*store)(const StoreTask&), int cut, FrameView* frame) const {
    for (int y = 0; y < height; y += 4)
      for (int x = 0; x < width; x += cut) {
        StoreTask task{.rgb = {},
                       .y = y,
                       .row_count = std::min(4, height - y),
                       .begin = x,
                       .end = std::min(x + cut, width),
                       .frame = frame};
        for (int c = 0; c < 3; ++c)
          for (int r = 0; r < task.row_count; ++r)
            task.rgb[c][r] = values[c].data() + size_t(y + r) * width;
        store(task);
      }
  }
  int width, height;
  std::vector<float> values[3];
};

// A sum that is rounded once instead of twice may fall on the other side.
void ExpectSameSamples(const Picture& got, const Picture& want,
                       const std::string& what) {
  if (want.frame.format == PixelFormat::kRgbPlanarF32) {
    for (int p = 0; p < 3; ++p)
      EXPECT_EQ(got.memory[p], want.memory[p]) << what;
    return;
  }
  const int size = want.frame.format == PixelFormat::kRgba64Le ? 2 : 1;
  int different = 0, samples = 0;
  for (int p = 0; p < 3; ++p)
    for (int y = 0; y < want.frame.height; ++y)
      for (int i = 0; i + size <= int(want.frame.stride[p]); i += size) {
        const size_t at = size_t(y) * want.frame.stride[p] + i;
        uint16_t a = 0, b = 0;
        std::memcpy(&a, &got.memory[p][at], size);
        std::memcpy(&b, &want.memory[p][at], size);
        ++samples;
        different += a != b;
        ASSERT_LE(std::abs(a - b), 1) << what << " plane " << p << " " << at;
      }
  EXPECT_LE(different, 1 + samples / 500) << what;
}

TEST_P(FormatsTest, StoreIsItsTwin) {
  constexpr int kHeight = 6;
  for (int f = 0; f <= int(PixelFormat::kRgbPlanarF32); ++f)
    for (int width : testing::Sample({9, 10, 63, 64, 66, 130, 200}, {9, 66}))
      for (int cut : testing::Sample({8, 64, 96, 512}, {8, 512})) {
        const auto format = static_cast<PixelFormat>(f);
        const Colours colours(width, kHeight, &random_);
        Picture want(format, width, kHeight), got(format, width, kHeight);
        colours.Store(reference::Store, width, &want.frame);
        colours.Store(table().store, cut, &got.frame);
        ExpectSameSamples(got, want,
                          "format " + std::to_string(f) + " width " +
                              std::to_string(width) + " cut " +
                              std::to_string(cut));
      }
}

// Bits do not depend on where a row is cut.
TEST_P(FormatsTest, StoreDoesNotSeeTheCut) {
  for (int f = 0; f <= int(PixelFormat::kRgbPlanarF32); ++f) {
    const auto format = static_cast<PixelFormat>(f);
    const Colours colours(150, 8, &random_);
    Picture whole(format, 150, 8);
    colours.Store(table().store, 150, &whole.frame);
    for (int cut : {4, 20, 32, 128}) {
      Picture cuts(format, 150, 8);
      colours.Store(table().store, cut, &cuts.frame);
      for (int p = 0; p < 3; ++p)
        EXPECT_EQ(cuts.memory[p], whole.memory[p]) << f << " cut " << cut;
    }
  }
}

struct LatentBytes {
  LatentBytes(DType dtype, LatentLayout layout, Extent extent, int channels,
              std::mt19937* random) {
    std::normal_distribution<float> normal;
    const size_t count = size_t(extent.height) * extent.width * channels;
    const size_t size = SizeOf(dtype);
    bytes.resize(count * size + 1);  // begins at an odd address
    for (size_t i = 0; i < count; ++i) {
      float value = normal(*random);
      if (i % 97 == 5) value = NAN;
      if (i % 101 == 7) value = -INFINITY;
      if (i % 103 == 9) value = 1e-6f;  // subnormal in fp16
      const uint16_t half =
          dtype == DType::kF16 ? F16FromFloat(value) : BF16FromFloat(value);
      std::memcpy(bytes.data() + 1 + i * size,
                  dtype == DType::kF32 ? static_cast<const void*>(&value)
                                       : static_cast<const void*>(&half),
                  size);
    }
    view = {.data = bytes.data() + 1,
            .size = count * size,
            .dtype = dtype,
            .layout = layout,
            .domain = LatentDomain::kSampler,
            .channels = channels,
            .extent = extent};
  }
  std::vector<uint8_t> bytes;
  LatentView view;
};

TEST_P(FormatsTest, UnpackIsItsTwin) {
  for (int width : testing::Sample({2, 6, 64, 130}, {6, 130}))
    for (const bool affine : {false, true})
      for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32})
        for (int layout = 0; layout <= int(LatentLayout::kPackedIdeogram4);
             ++layout) {
          const int channels = 5;
          const LatentBytes latent(dtype, static_cast<LatentLayout>(layout),
                                   {4, width}, channels, &random_);
          std::vector<float> scale(4 * channels), shift(4 * channels);
          for (int k = 0; k < 4 * channels; ++k) {
            scale[k] = 1 + 0.25f * float(k);
            shift[k] = float(k);
          }
          for (int y = 0; y < 4; ++y) {
            std::vector<float> want(size_t(channels) * width + 1, -7.0f);
            std::vector<float> got = want;
            UnpackTask task{.latent = &latent.view, .affine = {}, .y = y};
            if (affine) task.affine = {scale.data(), shift.data()};
            task.z = want.data();
            const int64_t bad = reference::Unpack(task);
            task.z = got.data();
            EXPECT_EQ(table().unpack(task), bad);
            for (size_t i = 0; i < want.size(); ++i)
              // The product and the sum may be rounded once instead of twice.
              ASSERT_NEAR(got[i], want[i], affine ? 1e-5f : 0.0f)
                  << "layout " << layout << " width " << width << " at " << i;
          }
        }
}

INSTANTIATE_TEST_SUITE_P(Tables, FormatsTest,
                         ::testing::ValuesIn(KernelTables().begin(),
                                             KernelTables().end()),
                         [](const auto& info) {
                           return std::string(info.param.table->name);
                         });

}  // namespace
}  // namespace tae
