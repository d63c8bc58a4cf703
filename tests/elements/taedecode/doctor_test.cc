// taedecode warns once a generation of latents that are not what the caps say.
#include <random>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

constexpr LatentShape kShape{32, 16, 24};

// A latent as a picture has: smooth, each channel around its own mean.
std::vector<float> SmoothPlanes() {
  std::vector<float> planes;
  for (int c = 0; c < kShape.channels; ++c)
    for (int y = 0; y < kShape.height; ++y)
      for (int x = 0; x < kShape.width; ++x)
        planes.push_back(0.5f * std::sin(1.7f * float(c)) +
                         std::sin(0.13f * float(x) + 0.9f * float(c)) *
                             std::cos(0.17f * float(y) - 1.3f * float(c)));
  return planes;
}

std::vector<float> AsPixels(const std::vector<float>& planes) {
  std::vector<float> pixels;
  const size_t area = size_t(kShape.height) * kShape.width;
  for (size_t i = 0; i < area; ++i)
    for (int c = 0; c < kShape.channels; ++c)
      pixels.push_back(planes[c * area + i]);
  return pixels;
}

std::vector<float> WhiteNoise(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(kShape.scalars());
  for (float& value : values) value = normal(random);
  return values;
}

// Pushes latents with these step numbers; the warnings that came of it.
std::vector<PostedError> WarningsOf(DecodeHarness& harness,
                                    const std::vector<float>& values,
                                    const std::vector<guint>& steps) {
  for (const guint step : steps) {
    GstBuffer* buffer = BufferOf(values, int(step));
    taegst::LatentStep said;
    said.step = step;
    taegst::SetLatentStep(buffer, said);
    EXPECT_EQ(harness.Push(buffer), GST_FLOW_OK);
    harness.TryPull();
  }
  std::vector<PostedError> warnings;
  while (const auto message = harness.Message(GST_MESSAGE_WARNING)) {
    PostedError error = ErrorOf(message.get());
    // The tests' registry has no weights: that is told as well.
    if (error.domain == GST_STREAM_ERROR) warnings.push_back(error);
  }
  return warnings;
}

TEST(Doctor, IsSilentWhereTheCapsAreRight) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps(kShape));
  EXPECT_TRUE(WarningsOf(harness, SmoothPlanes(), {1, 2, 3, 4}).empty());
  harness.SetCaps(LatentCaps(kShape, "variant=flux2,layout=nhwc"));
  EXPECT_TRUE(
      WarningsOf(harness, AsPixels(SmoothPlanes()), {1, 2, 3, 4}).empty());
  harness.SetCaps(LatentCaps(kShape, "variant=flux2,pred=x"));
  EXPECT_TRUE(WarningsOf(harness, WhiteNoise(1), {1, 2, 3, 4}).empty());
}

TEST(Doctor, WarnsOnceOfEachGenerationAndNamesTheFix) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps(kShape));
  const auto pixels = AsPixels(SmoothPlanes());
  const auto first = WarningsOf(harness, pixels, {1, 2, 3, 4, 5});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].code, GST_STREAM_ERROR_FORMAT);
  EXPECT_NE(first[0].text.find("layout=nhwc"), std::string::npos)
      << first[0].text;
  EXPECT_EQ(WarningsOf(harness, pixels, {1, 2, 3}).size(), 1u);
}

TEST(Doctor, NoiseIsToldUnlessItWasDeclared) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps(kShape));
  const auto warnings = WarningsOf(harness, WhiteNoise(2), {1, 2});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].text.find("pred=x"), std::string::npos);
  g_object_set(harness.decoder(), "denoise", 2, nullptr);  // on
  EXPECT_TRUE(WarningsOf(harness, WhiteNoise(3), {1, 2}).empty());
}

// The first latents may say nothing: others are looked at, but not all.
TEST(Doctor, LooksAtLaterLatentsToo) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps(kShape, "variant=flux2,pred=x"));
  const auto pixels = AsPixels(SmoothPlanes());
  EXPECT_TRUE(WarningsOf(harness, WhiteNoise(1), {1, 2}).empty());
  EXPECT_TRUE(WarningsOf(harness, pixels, {3}).empty());
  EXPECT_EQ(WarningsOf(harness, pixels, {4}).size(), 1u);
}

TEST(Doctor, CanBeSwitchedOff) {
  DecodeHarness harness("taedecode variant=flux2 method=linear doctor=false");
  harness.SetCaps(LatentCaps(kShape));
  EXPECT_TRUE(
      WarningsOf(harness, AsPixels(SmoothPlanes()), {1, 2, 3, 4}).empty());
  gboolean doctor = TRUE;
  g_object_get(harness.decoder(), "doctor", &doctor, nullptr);
  EXPECT_FALSE(doctor);
}

TEST(Doctor, NotANumberIsToldOnce) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps(kShape));
  auto values = SmoothPlanes();
  values[7] = NAN;
  const auto warnings = WarningsOf(harness, values, {1, 2, 3, 4});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].text.find("NaN"), std::string::npos);
}

}  // namespace
}  // namespace tae_test
