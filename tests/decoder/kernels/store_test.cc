// Every pixel format against a plain definition of it.
#include "kernels/reference/store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace tae {
namespace {

constexpr int kWidth = 24;
constexpr int kHeight = 8;
constexpr uint8_t kCanary = 0xA5;

// A picture of floats, some of them outside of [0, 1], and where it goes.
struct Picture {
  std::vector<float> rgb[3];
  std::vector<uint8_t> memory[3];
  FrameView frame;

  Picture(PixelFormat format, int (&row_bytes)[3], int (&rows)[3]) {
    std::mt19937 random(5);
    std::uniform_real_distribution<float> uniform(-0.2f, 1.2f);
    for (auto& plane : rgb) {
      plane.resize(kWidth * kHeight);
      for (float& v : plane) v = uniform(random);
    }
    rgb[1][7] = NAN;
    frame.format = format;
    frame.width = kWidth;
    frame.height = kHeight;
    for (int p = 0; p < 3; ++p) {
      frame.stride[p] = row_bytes[p] + 5;
      memory[p].assign(frame.stride[p] * rows[p] + 5, kCanary);
      frame.plane[p] = memory[p].data();
    }
  }

  // Stores in chunks of two rows and `columns` columns.
  void Store(int columns) {
    for (int y = 0; y < kHeight; y += 2)
      for (int x = 0; x < kWidth; x += columns) {
        StoreTask task{.rgb = {},
                       .y = y,
                       .row_count = 2,
                       .begin = x,
                       .end = std::min(x + columns, kWidth),
                       .frame = &frame};
        for (int c = 0; c < 3; ++c)
          for (int r = 0; r < 2; ++r)
            task.rgb[c][r] = rgb[c].data() + (y + r) * kWidth;
        reference::Store(task);
      }
  }

  double Value(int c, int y, int x) const {
    const double v = rgb[c][y * kWidth + x];
    return v > 0 ? std::min(v, 1.0) : 0.0;
  }
  double Luma(int y, int x) const {
    return 0.2126 * Value(0, y, x) + 0.7152 * Value(1, y, x) +
           0.0722 * Value(2, y, x);
  }
  // c: 2 for Cb, 0 for Cr. Sited on the even column x.
  double Chroma(int c, int y, int x) const {
    const double divisor = c == 2 ? 1.8556 : 1.5748;
    const auto at = [&](int column) {
      column = std::clamp(column, 0, kWidth - 1);
      return (Value(c, y, column) - Luma(y, column)) / divisor;
    };
    return (at(x - 1) + 2 * at(x) + at(x + 1)) / 4;
  }
  int At(int plane, int y, int byte) const {
    return memory[plane][y * frame.stride[plane] + byte];
  }
};

struct PackedCase {
  PixelFormat format;
  int bytes;
  int r, g, b, alpha;
};

TEST(StoreTest, PackedFormats) {
  const PackedCase cases[] = {
      {PixelFormat::kRgb, 3, 0, 1, 2, -1}, {PixelFormat::kBgr, 3, 2, 1, 0, -1},
      {PixelFormat::kRgba, 4, 0, 1, 2, 3}, {PixelFormat::kBgra, 4, 2, 1, 0, 3},
      {PixelFormat::kArgb, 4, 1, 2, 3, 0}, {PixelFormat::kAbgr, 4, 3, 2, 1, 0},
      {PixelFormat::kRgbx, 4, 0, 1, 2, 3}, {PixelFormat::kBgrx, 4, 2, 1, 0, 3},
      {PixelFormat::kXrgb, 4, 1, 2, 3, 0}, {PixelFormat::kXbgr, 4, 3, 2, 1, 0}};
  for (const PackedCase& c : cases) {
    int bytes[3] = {kWidth * c.bytes, 0, 0}, rows[3] = {kHeight, 0, 0};
    Picture picture(c.format, bytes, rows);
    picture.Store(8);
    const int offsets[3] = {c.r, c.g, c.b};
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        for (int k = 0; k < 3; ++k)
          EXPECT_NEAR(picture.At(0, y, x * c.bytes + offsets[k]),
                      picture.Value(k, y, x) * 255, 0.501);
        if (c.alpha >= 0) {
          EXPECT_EQ(picture.At(0, y, x * c.bytes + c.alpha), 255);
        }
      }
      for (int i = 0; i < 5; ++i)
        EXPECT_EQ(picture.At(0, y, kWidth * c.bytes + i), kCanary);
    }
  }
}

TEST(StoreTest, SharedChromaIsTheSameInEveryOrderAndChunk) {
  struct Case {
    PixelFormat format;
    int u_plane, v_plane, u_first, v_first, step;
  };
  const Case cases[] = {{PixelFormat::kI420, 1, 2, 0, 0, 1},
                        {PixelFormat::kYv12, 2, 1, 0, 0, 1},
                        {PixelFormat::kNv12, 1, 1, 0, 1, 2}};
  for (const Case& c : cases)
    for (int columns : {4, 12, kWidth}) {
      const int chroma = c.step == 2 ? kWidth : kWidth / 2;
      int bytes[3] = {kWidth, chroma, chroma};
      int rows[3] = {kHeight, kHeight / 2, kHeight / 2};
      Picture picture(c.format, bytes, rows);
      picture.Store(columns);
      for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x)
          EXPECT_NEAR(picture.At(0, y, x), 16 + 219 * picture.Luma(y, x),
                      0.501);
      for (int y = 0; y < kHeight; y += 2)
        for (int x = 0; x < kWidth; x += 2) {
          const double u =
              (picture.Chroma(2, y, x) + picture.Chroma(2, y + 1, x)) / 2;
          const double v =
              (picture.Chroma(0, y, x) + picture.Chroma(0, y + 1, x)) / 2;
          EXPECT_NEAR(picture.At(c.u_plane, y / 2, x / 2 * c.step + c.u_first),
                      128 + 224 * u, 0.501);
          EXPECT_NEAR(picture.At(c.v_plane, y / 2, x / 2 * c.step + c.v_first),
                      128 + 224 * v, 0.501);
        }
    }
}

TEST(StoreTest, Packed422) {
  struct Case {
    PixelFormat format;
    int y, u, v;
  };
  for (const Case& c :
       {Case{PixelFormat::kYuy2, 0, 1, 3}, Case{PixelFormat::kUyvy, 1, 0, 2}}) {
    int bytes[3] = {kWidth * 2, 0, 0}, rows[3] = {kHeight, 0, 0};
    Picture picture(c.format, bytes, rows);
    picture.Store(4);
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; x += 2) {
        EXPECT_NEAR(picture.At(0, y, 2 * x + c.y),
                    16 + 219 * picture.Luma(y, x), 0.501);
        EXPECT_NEAR(picture.At(0, y, 2 * x + c.y + 2),
                    16 + 219 * picture.Luma(y, x + 1), 0.501);
        EXPECT_NEAR(picture.At(0, y, 2 * x + c.u),
                    128 + 224 * picture.Chroma(2, y, x), 0.501);
        EXPECT_NEAR(picture.At(0, y, 2 * x + c.v),
                    128 + 224 * picture.Chroma(0, y, x), 0.501);
      }
  }
}

TEST(StoreTest, PlanarGrayAndDeepFormats) {
  int planar[3] = {kWidth, kWidth, kWidth};
  int rows[3] = {kHeight, kHeight, kHeight};
  Picture gbr(PixelFormat::kGbr, planar, rows);
  Picture rgbp(PixelFormat::kRgbp, planar, rows);
  Picture gray(PixelFormat::kGray8, planar, rows);
  int deep_bytes[3] = {kWidth * 8, 0, 0};
  Picture deep(PixelFormat::kRgba64Le, deep_bytes, rows);
  for (Picture* picture : {&gbr, &rgbp, &gray, &deep}) picture->Store(8);
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      const int gbr_plane[3] = {2, 0, 1};
      for (int c = 0; c < 3; ++c) {
        const double value = gbr.Value(c, y, x);
        EXPECT_NEAR(gbr.At(gbr_plane[c], y, x), value * 255, 0.501);
        EXPECT_NEAR(rgbp.At(c, y, x), value * 255, 0.501);
        const int word = deep.At(0, y, 8 * x + 2 * c) +
                         256 * deep.At(0, y, 8 * x + 2 * c + 1);
        EXPECT_NEAR(word, value * 65535, 0.51);
      }
      EXPECT_EQ(deep.At(0, y, 8 * x + 6), 255);
      EXPECT_EQ(deep.At(0, y, 8 * x + 7), 255);
      EXPECT_NEAR(gray.At(0, y, x), 255 * gray.Luma(y, x), 0.501);
    }
}

}  // namespace
}  // namespace tae
