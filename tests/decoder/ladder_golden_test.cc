// Smaller pictures by the cheapest way to them, against means of the full
// picture that float64 made.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "support/seeded_model.h"
#include "support/shared_data.h"
#include "tae/ladder.h"
#include "tool/golden.h"

namespace tae {
namespace {

// [3][height][width] to means of d x d values.
std::vector<float> AreaMean(const std::vector<float>& values, Extent size,
                            int d) {
  std::vector<float> mean;
  for (int row = 0; row < 3 * size.height; row += d)
    for (int x = 0; x < size.width; x += d) {
      float sum = 0;
      for (int i = 0; i < d * d; ++i)
        sum += values[size_t(row + i / d) * size.width + x + i % d];
      mean.push_back(sum / static_cast<float>(d * d));
    }
  return mean;
}

std::vector<float> Paint(const LadderRung& rung, const LatentView& latent) {
  Decoder decoder(rung.model,
                  {.parallel = MakeThreadPool({.threads = 2}), .cpu = ""});
  const Status prepared = decoder.Prepare({.latent = latent.extent,
                                           .format = PixelFormat::kRgbPlanarF32,
                                           .rung = rung.rung});
  EXPECT_TRUE(prepared.ok()) << prepared.message();
  const Extent size{latent.extent.height * 8 / rung.downscale,
                    latent.extent.width * 8 / rung.downscale};
  testing::FloatFrame frame(size.width, size.height);
  EXPECT_TRUE(decoder.Decode(latent, frame.view, nullptr).ok());
  for (float& v : frame.values) v = std::clamp(v, 0.0f, 1.0f);
  return AreaMean(frame.values, size, rung.shrink);
}

double Psnr(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - b[i]) * double(a[i] - b[i]);
  return -10 * std::log10(sum / double(a.size()));
}

// Median PSNRs of many pictures are in decoder/ladder.cc; a single one may lie
// several dB below. The bounds are 5 dB below those medians.
TEST(LadderGoldenTest, SmallPicturesAreNearMeansOfTheFullOne) {
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  const LadderModels all{.linear = *LinearModel("flux2"),
                         .builtin = *BuiltinModel("flux2"),
                         .full = *LoadModel(path, {})};
  const LadderModels file{.linear = {}, .builtin = {}, .full = all.full};
  for (const char* name : {"flux2_astronaut_512", "flux2_chelsea_264x200",
                           "flux2_coffee_600x400", "flux2_wall_768"}) {
    TAE_SHARED_OR_SKIP(golden_path,
                       std::string("golden/") + name + ".safetensors");
    const auto golden = tool::ReadGolden(golden_path);
    ASSERT_TRUE(golden.ok()) << golden.status().message();
    for (const int scale : {2, 4, 8})
      for (const LadderModels& models : {all, file}) {
        const LadderRung best = WorthClimbing(GetLadder(models, scale)).back();
        const auto wanted =
            AreaMean(golden->image, golden->image_extent, scale);
        const auto shown = Paint(best, golden->latent);
        ASSERT_EQ(shown.size(), wanted.size());
        const double psnr = Psnr(shown, wanted);
        const std::string rung(QualityName(best.quality));
        std::printf("%s 1/%d by %s: %.1f dB, median %.1f\n", name, scale,
                    rung.c_str(), psnr, best.psnr);
        EXPECT_GT(psnr, best.psnr - 5) << name << ' ' << rung << " 1/" << scale;
      }
  }
}

}  // namespace
}  // namespace tae
