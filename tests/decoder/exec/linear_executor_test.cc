// Linear projections of every shape against the definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "exec/executor.h"
#include "kernels/reference/store.h"
#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::SeededLatent;

float At(const ConvWeights& conv, const SeededLatent& latent, Extent extent,
         int output, int y, int x) {
  const int window = conv.taps == 9 ? 3 : 1;
  double sum = conv.bias[output];
  for (int k = 0; k < conv.in_channels; ++k)
    for (int tap = 0; tap < conv.taps; ++tap) {
      const int sy = y + tap / window - window / 2;
      const int sx = x + tap % window - window / 2;
      if (sy < 0 || sx < 0 || sy >= extent.height || sx >= extent.width)
        continue;
      sum +=
          conv.weight[(size_t(output) * conv.in_channels + k) * conv.taps +
                      tap] *
          latent.values[(size_t(k) * extent.height + sy) * extent.width + sx];
    }
  return static_cast<float>((sum + 1) / 2);
}

std::shared_ptr<const Model> Linear(int taps, int colours) {
  std::mt19937 random(2);
  const ModelSpec spec = LinearSpec(4, 8, taps, colours);
  std::vector<LayerWeights> layers(1);
  layers[0].convs.push_back(
      testing::SeededConv(random, 4, 3 * colours * colours, taps, true));
  for (float& w : layers[0].convs[0].weight) w *= 0.3f;
  ModelInfo info;
  info.latent_channels = 4;
  return std::make_shared<const Model>(spec, std::move(layers), info);
}

TEST(LinearExecutorTest, EveryWindowAndPatchFollowsTheDefinition) {
  for (int taps : {1, 9})
    for (int colours : {1, 2, 4, 8})
      for (Extent extent : {Extent{1, 1}, Extent{3, 5}}) {
        const auto model = Linear(taps, colours);
        const SeededLatent latent(4, extent);
        FloatFrame frame(extent.width * 8, extent.height * 8);
        Decoder decoder(model, {});
        ASSERT_TRUE(decoder
                        .Prepare({.latent = extent,
                                  .format = PixelFormat::kRgbPlanarF32})
                        .ok());
        ASSERT_TRUE(decoder.Decode(latent.view, frame.view, nullptr).ok());
        const int width = frame.view.width, height = frame.view.height;
        const int square = 8 / colours;
        for (int i = 0; i < 3 * width * height; ++i) {
          const int c = i / (width * height);
          const int y = i / width % height, x = i % width;
          const int output =
              (c * colours + y % 8 / square) * colours + x % 8 / square;
          const float want = At(model->layers()[0].convs[0], latent, extent,
                                output, y / 8, x / 8);
          EXPECT_NEAR(frame.values[i], std::fmin(std::fmax(want, 0), 1), 1e-5)
              << taps << ' ' << colours << ' ' << i;
        }
      }
}

// Pixel space: a latent pixel is a pixel, so rows come one by one and sizes may
// be odd; formats that share chroma between two rows still get pairs.
TEST(LinearExecutorTest, PixelSpaceSharesChromaBetweenRows) {
  const auto model = *LinearModel("rgb");
  for (Extent extent :
       {Extent{1, 1}, Extent{2, 2}, Extent{5, 7}, Extent{6, 4}}) {
    const SeededLatent latent(3, extent);
    const int width = extent.width, height = extent.height;
    const int half = (width + 1) / 2, halves = (height + 1) / 2;
    FloatFrame floats(width, height);
    Decoder decoder(model, {});
    ASSERT_TRUE(
        decoder
            .Prepare({.latent = extent, .format = PixelFormat::kRgbPlanarF32})
            .ok());
    ASSERT_TRUE(decoder.Decode(latent.view, floats.view, nullptr).ok());
    std::vector<uint8_t> got(width * height + 2 * half * halves + 1, 77);
    std::vector<uint8_t> want = got;
    const auto frame_of = [&](std::vector<uint8_t>& memory) {
      FrameView frame{
          .format = PixelFormat::kI420, .width = width, .height = height};
      frame.plane[0] = memory.data();
      frame.plane[1] = memory.data() + width * height;
      frame.plane[2] = memory.data() + width * height + half * halves;
      frame.stride[0] = width;
      frame.stride[1] = frame.stride[2] = half;
      return frame;
    };
    ASSERT_TRUE(
        decoder.Prepare({.latent = extent, .format = PixelFormat::kI420}).ok());
    ASSERT_TRUE(decoder.Decode(latent.view, frame_of(got), nullptr).ok());
    const FrameView frame = frame_of(want);
    for (int y = 0; y < height; y += 2) {
      StoreTask task{.rgb = {},
                     .y = y,
                     .row_count = std::min(2, height - y),
                     .begin = 0,
                     .end = width,
                     .frame = &frame};
      for (int c = 0; c < 3; ++c)
        for (int r = 0; r < task.row_count; ++r)
          task.rgb[c][r] =
              floats.values.data() + (size_t(c) * height + y + r) * width;
      reference::Store(task);
    }
    EXPECT_EQ(got, want) << width << 'x' << height;
    EXPECT_EQ(got.back(), 77);
  }
}

}  // namespace
}  // namespace tae
