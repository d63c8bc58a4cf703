// The latent doctor on latents that are right, wrong in every way, and hostile.
#include "tae/doctor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numbers>
#include <random>

#include "base/half.h"
#include "support/shared_data.h"
#include "tae/variant.h"
#include "tool/golden.h"
#include "tool/mistakes.h"

namespace tae {
namespace {

using tool::Declared;
using tool::Specimen;

std::vector<Specimen> GoldenSpecimens() {
  std::vector<Specimen> specimens;
  for (const char* name :
       {"flux2_strip_1024x64", "flux2_chelsea_264x200", "flux2_coffee_600x400",
        "flux2_astronaut_512", "flux1_seeded_320x192", "sd_seeded_320x192",
        "flux2_tiny_8x8"}) {
    const std::string path =
        SharedFile("golden/" + std::string(name) + ".safetensors");
    if (path.empty()) return {};
    const auto golden = tool::ReadGolden(path);
    EXPECT_TRUE(golden.ok()) << golden.status().message();
    if (!golden.ok()) return {};
    const LatentView& latent = golden->latent;
    Specimen specimen{.name = name,
                      .variant = golden->variant,
                      .channels = latent.channels,
                      .extent = latent.extent};
    specimen.planes.resize(latent.size / SizeOf(latent.dtype));
    LoadFloats(latent.dtype, latent.data, specimen.planes.size(),
               specimen.planes.data());
    specimens.push_back(std::move(specimen));
  }
  return specimens;
}

// A smooth field for each channel, around a mean of its own.
Specimen Smooth(std::string variant, int channels, Extent extent,
                unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> turns(0, 1);
  Specimen specimen{.name = "smooth",
                    .variant = std::move(variant),
                    .channels = channels,
                    .extent = extent};
  for (int c = 0; c < channels; ++c) {
    struct Wave {
      float height, across, down, phase;
    };
    std::vector<Wave> waves;
    for (int i = 0; i < 8; ++i)
      waves.push_back({0.3f * normal(random), 2.5f * normal(random),
                       2.5f * normal(random), turns(random)});
    const float mean = 0.4f * normal(random);
    for (int y = 0; y < extent.height; ++y)
      for (int x = 0; x < extent.width; ++x) {
        float value = mean;
        for (const Wave& wave : waves)
          value += wave.height *
                   std::sin(2 * std::numbers::pi_v<float> *
                            (wave.across * float(x) / float(extent.width) +
                             wave.down * float(y) / float(extent.height) +
                             wave.phase));
        specimen.planes.push_back(value);
      }
  }
  return specimen;
}

struct Rate {
  int found = 0;
  int named = 0;
  int of = 0;
};

std::map<Ailment, Rate> RatesOf(const std::vector<Specimen>& specimens) {
  std::map<Ailment, Rate> rates;
  for (const Specimen& specimen : specimens)
    tool::VisitMistakes(specimen, [&](const Declared& declared) {
      const Diagnosis found = Diagnose(declared.view, declared.options);
      Rate& rate = rates[declared.ailment];
      ++rate.of;
      rate.found += found.ok() ? 0 : 1;
      rate.named += found.ailment == declared.ailment &&
                            found.fix.starts_with(declared.fix)
                        ? 1
                        : 0;
      EXPECT_EQ(found.ok(), found.sentence.empty());
      EXPECT_EQ(found.ok(), found.fix.empty());
    });
  return rates;
}

TEST(DoctorTest, NoFalseAlarmOnGoldenLatentsAndNoiseOfEverySigma) {
  const auto specimens = GoldenSpecimens();
  if (specimens.empty()) GTEST_SKIP() << "needs golden/ in TAE_SHARED";
  int right = 0;
  for (const Specimen& specimen : specimens)
    tool::VisitRight(specimen, [&](const Declared& declared) {
      const Diagnosis found = Diagnose(declared.view, declared.options);
      EXPECT_TRUE(found.ok())
          << specimen.name << ", " << declared.what << ": " << found.sentence;
      ++right;
    });
  EXPECT_GT(right, 700);
}

TEST(DoctorTest, FindsTheMistakesMadeWithGoldenLatents) {
  const auto specimens = GoldenSpecimens();
  if (specimens.empty()) GTEST_SKIP() << "needs golden/ in TAE_SHARED";
  Rate all;
  for (const auto& [ailment, rate] : RatesOf(specimens)) {
    if (ailment == Ailment::kSides) continue;  // counted by `tae doctor`
    EXPECT_GE(rate.found, 0.95 * rate.of) << AilmentName(ailment);
    all.found += rate.found;
    all.named += rate.named;
    all.of += rate.of;
  }
  EXPECT_GT(all.of, 120);
  EXPECT_GE(all.found, 0.98 * all.of);
  EXPECT_GE(all.named, 0.98 * all.of);
}

TEST(DoctorTest, SmoothFieldsOfEverySpaceInEveryOrder) {
  for (const char* variant : {"sd", "flux1", "flux2", "wan21"}) {
    const int channels = FindVariant(variant)->latent_channels;
    const Specimen specimen = Smooth(variant, channels, {40, 64});
    tool::VisitRight(specimen, [&](const Declared& declared) {
      const Diagnosis found = Diagnose(declared.view, declared.options);
      EXPECT_TRUE(found.ok())
          << variant << ", " << declared.what << ": " << found.sentence;
    });
    const auto rates = RatesOf({specimen});
    EXPECT_EQ(rates.at(Ailment::kLayout).named, 20) << variant;
    EXPECT_EQ(rates.at(Ailment::kNoisy).named, 4) << variant;
    EXPECT_EQ(rates.at(Ailment::kNonfinite).named, 2) << variant;
    EXPECT_EQ(rates.at(Ailment::kConstant).named, 2) << variant;
  }
}

LatentView ViewOf(const std::vector<float>& values, int channels,
                  Extent extent) {
  return {.data = values.data(),
          .size = values.size() * sizeof(float),
          .dtype = DType::kF32,
          .channels = channels,
          .extent = extent};
}

TEST(DoctorTest, SaysWhatWasSeenAndWhatHelps) {
  const Specimen specimen = Smooth("flux2", 32, {16, 24});
  const auto& z = specimen.planes;
  std::vector<float> pixels;
  for (size_t i = 0; i < 16 * 24; ++i)
    for (size_t c = 0; c < 32; ++c) pixels.push_back(z[c * 16 * 24 + i]);
  const Diagnosis found =
      Diagnose(ViewOf(pixels, 32, {16, 24}), {.variant = "flux2"});
  EXPECT_EQ(found.ailment, Ailment::kLayout);
  EXPECT_EQ(found.fix, "layout=nhwc");
  EXPECT_NE(found.sentence.find("layout=nchw is not this latent's"),
            std::string::npos)
      << found.sentence;

  std::vector<float> scaled = z;
  for (float& value : scaled) value *= 2.0f;  // its VAE's: about 1.77
  EXPECT_EQ(Diagnose(ViewOf(scaled, 32, {16, 24}), {.variant = "flux2"}).fix,
            "domain=vae");
  // Without a space, or of one whose two domains are alike, nobody can tell.
  EXPECT_TRUE(Diagnose(ViewOf(scaled, 32, {16, 24}), {}).ok());
  EXPECT_TRUE(
      Diagnose(ViewOf(scaled, 32, {16, 24}), {.variant = "nonsense"}).ok());
  EXPECT_TRUE(
      Diagnose(ViewOf(scaled, 32, {16, 24}), {.variant = "hunyuan_video15"})
          .ok());
}

TEST(DoctorTest, FramesTakenForChannels) {
  const Specimen one = Smooth("wan21", 1, {16, 24});
  std::vector<float> frames;
  for (int t = 0; t < 16; ++t)
    for (size_t i = 0; i < one.planes.size(); ++i)
      frames.push_back(one.planes[(i + t / 4) % one.planes.size()]);
  EXPECT_EQ(
      Diagnose(ViewOf(frames, 16, {16, 24}), {.variant = "wan21"}).ailment,
      Ailment::kFrames);
}

// Stripes and chess boards are regular in every order.
TEST(DoctorTest, PatternsAreNoMistake) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const int period : {2, 4, 8})
    for (const bool down : {false, true})
      for (const bool across : {false, true}) {
        Specimen specimen{
            .variant = "flux1", .channels = 16, .extent = {32, 32}};
        for (int c = 0; c < 16; ++c) {
          const float a = 0.7f * normal(random), b = 0.7f * normal(random);
          for (int i = 0; i < 32 * 32; ++i) {
            const int at = (down ? i / 32 : 0) + (across ? i % 32 : 0);
            const bool first = at % period < period / 2;
            specimen.planes.push_back((first ? a : b) + 0.05f * normal(random));
          }
        }
        tool::VisitRight(specimen, [&](const Declared& declared) {
          if (declared.options.noisy) return;
          const Diagnosis found = Diagnose(declared.view, declared.options);
          EXPECT_TRUE(found.ok()) << period << down << across << ", "
                                  << declared.what << ": " << found.sentence;
        });
      }
}

TEST(DoctorTest, EveryDTypeAtAnOddAddress) {
  const Specimen specimen = Smooth("flux1", 16, {16, 16});
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    std::vector<uint8_t> bytes(1);
    for (size_t i = 0; i < 256; ++i)  // [H][W][C]
      for (size_t c = 0; c < 16; ++c) {
        const float value = specimen.planes[c * 256 + i];
        uint8_t scalar[4];
        const uint16_t half =
            dtype == DType::kF16 ? F16FromFloat(value) : BF16FromFloat(value);
        if (dtype == DType::kF32)
          std::memcpy(scalar, &value, 4);
        else
          std::memcpy(scalar, &half, 2);
        bytes.insert(bytes.end(), scalar, scalar + SizeOf(dtype));
      }
    LatentView view{.data = bytes.data() + 1,
                    .size = bytes.size() - 1,
                    .dtype = dtype,
                    .channels = 16,
                    .extent = {16, 16}};
    EXPECT_EQ(Diagnose(view, {}).fix, "layout=nhwc");
    view.layout = LatentLayout::kNhwc;
    EXPECT_TRUE(Diagnose(view, {}).ok());
  }
}

TEST(DoctorTest, NothingIsSaidOfWhatIsTooSmall) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(5, 9);
  for (const Extent extent : {Extent{1, 1}, Extent{1, 2}, Extent{2, 1},
                              Extent{1, 4000}, Extent{7, 7}, Extent{4, 64}})
    for (const int channels : {1, 4, 32}) {
      std::vector<float> values(size_t(channels) * extent.height *
                                extent.width);
      for (float& value : values) value = normal(random);
      EXPECT_TRUE(
          Diagnose(ViewOf(values, channels, extent), {.variant = "flux2"})
              .ok());
    }
}

TEST(DoctorTest, ViewsThatDoNotFitGiveNothing) {
  const std::vector<float> values(4 * 8 * 8, 1.0f);
  const LatentView whole = ViewOf(values, 4, {8, 8});
  EXPECT_EQ(Diagnose(whole, {}).ailment, Ailment::kConstant);
  const auto changed = [&](auto change) {
    LatentView view = whole;
    change(view);
    return Diagnose(view, {.variant = "sd"}).ok();
  };
  EXPECT_TRUE(changed([](LatentView& v) { v.data = nullptr; }));
  EXPECT_TRUE(changed([](LatentView& v) { v.size = 0; }));
  EXPECT_TRUE(changed([](LatentView& v) { v.size -= 4; }));
  EXPECT_TRUE(changed([](LatentView& v) { v.channels = 0; }));
  EXPECT_TRUE(changed([](LatentView& v) { v.channels = -4; }));
  EXPECT_TRUE(changed([](LatentView& v) { v.extent = {0, 0}; }));
  EXPECT_TRUE(changed([](LatentView& v) { v.extent = {-8, -8}; }));
  EXPECT_TRUE(changed([](LatentView& v) {
    v.channels = std::numeric_limits<int>::max();
    v.extent = {std::numeric_limits<int>::max(),
                std::numeric_limits<int>::max()};
  }));
  EXPECT_TRUE(changed([](LatentView& v) {
    v.layout = LatentLayout::kPacked;
    v.channels = 2;
    v.extent = {1, 128};
  }));
}

TEST(DoctorTest, HostileNumbers) {
  constexpr float kHuge = std::numeric_limits<float>::max();
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    const std::vector<float> values(16 * 8 * 8, value);
    const Diagnosis found =
        Diagnose(ViewOf(values, 16, {8, 8}), {.variant = "flux1"});
    EXPECT_EQ(found.ailment, Ailment::kNonfinite);
    EXPECT_NE(found.sentence.find("1024 of 1024"), std::string::npos);
    // Of one pixel, too: what is not finite needs no neighbours.
    EXPECT_EQ(Diagnose(ViewOf({value}, 1, {1, 1}), {}).ailment,
              Ailment::kNonfinite);
  }
  for (const float value : {0.0f, 1e-40f, kHuge, -kHuge}) {
    const std::vector<float> values(16 * 8 * 8, value);
    EXPECT_EQ(Diagnose(ViewOf(values, 16, {8, 8}), {}).ailment,
              Ailment::kConstant)
        << value;
  }
  // The largest numbers of both signs: whatever is found, it ends.
  std::vector<float> wild(16 * 16 * 16);
  for (size_t i = 0; i < wild.size(); ++i)
    wild[i] = i * 2654435761u % 7 < 3 ? kHuge : -kHuge;
  const Diagnosis found =
      Diagnose(ViewOf(wild, 16, {16, 16}), {.variant = "flux1"});
  EXPECT_EQ(found.ok(), found.sentence.empty());
}

TEST(DoctorTest, EveryAilmentHasAName) {
  for (int i = 0; i <= static_cast<int>(Ailment::kDomain); ++i)
    EXPECT_FALSE(AilmentName(static_cast<Ailment>(i)).empty());
}

}  // namespace
}  // namespace tae
