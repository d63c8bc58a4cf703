// Shorter ways through a model: exits of the full one, and smaller pictures.
#include "model/rungs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "io/safetensors.h"
#include "model/architectures.h"
#include "support/safetensors_writer.h"
#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::SeededLatent;

std::vector<float> DecodeRung(const std::shared_ptr<const Model>& model,
                              int rung, Extent extent, Extent* picture) {
  const int side = 8 / GetRungs(*model)[rung].downscale;
  *picture = {extent.height * side, extent.width * side};
  Decoder decoder(model, {.backend = Backend::kReference});
  const Status prepared = decoder.Prepare(
      {.latent = extent, .format = PixelFormat::kRgbPlanarF32, .rung = rung});
  EXPECT_TRUE(prepared.ok()) << prepared.message();
  const SeededLatent latent(GetModelInfo(*model).latent_channels, extent);
  FloatFrame frame(picture->width, picture->height);
  const Status decoded = decoder.Decode(latent.view, frame.view, nullptr);
  EXPECT_TRUE(decoded.ok()) << decoded.message();
  return frame.values;
}

// Means of d x d values; NaN where one of them was clamped.
std::vector<float> AreaMean(const std::vector<float>& values, Extent extent,
                            int d) {
  std::vector<float> mean;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < extent.height; y += d)
      for (int x = 0; x < extent.width; x += d) {
        float sum = 0;
        for (int i = 0; i < d * d; ++i) {
          const float v =
              values[(size_t(c) * extent.height + y + i / d) * extent.width +
                     x + i % d];
          sum += v <= 0 || v >= 1 ? NAN : v;
        }
        mean.push_back(sum / static_cast<float>(d * d));
      }
  return mean;
}

TEST(RungsTest, SmallerPicturesAreMeansOfTheFullOne) {
  const auto model = *BuiltinModel("flux2");
  const std::vector<RungInfo> rungs = GetRungs(*model);
  ASSERT_EQ(rungs.size(), 3u);
  const Extent latent{5, 7};
  Extent full, small;
  const auto picture = DecodeRung(model, 0, latent, &full);
  for (int rung : {1, 2}) {
    EXPECT_EQ(rungs[rung].name, "builtin");
    EXPECT_LT(rungs[rung].flops, rungs[rung - 1].flops);
    const int d = rungs[rung].downscale;
    const auto want = AreaMean(picture, full, d);
    const auto got = DecodeRung(model, rung, latent, &small);
    ASSERT_EQ(got.size(), want.size());
    int compared = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(want[i])) continue;
      EXPECT_NEAR(got[i], want[i], 1e-5) << d << ' ' << i;
      ++compared;
    }
    EXPECT_GT(compared, static_cast<int>(got.size()) / 4) << d;
  }
}

TensorToWrite Floats(const std::string& name, std::vector<int64_t> dims,
                     const std::vector<float>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return {.name = name, .dims = std::move(dims), .bytes = std::move(bytes)};
}

// The heads of three stages as a file, from seeded convolutions.
class HeadsFile {
 public:
  // last_outputs of stage 3's last convolution.
  explicit HeadsFile(int last_outputs = 12) {
    for (int stage = 1; stage <= 3; ++stage) {
      const int first = stage == 1 ? 1 : 0;
      AddConv(stage, first, 64);
      AddConv(stage, first + 2, stage == 3 ? last_outputs : 48);
    }
    bytes_ = WriteSafetensors(tensors_);
  }

  StatusOr<TensorFile> Parse() const {
    return ParseSafetensors("heads", bytes_, nullptr);
  }

  // [0, 1] of stage 1, [2, 3] of stage 2, [4, 5] of stage 3.
  std::vector<ConvWeights> convs;

 private:
  void AddConv(int stage, int index, int outputs) {
    convs.push_back(testing::SeededConv(random_, 64, outputs, 9, true));
    const std::string name =
        "stage" + std::to_string(stage) + "." + std::to_string(index);
    tensors_.push_back(
        Floats(name + ".weight", {outputs, 64, 3, 3}, convs.back().weight));
    tensors_.push_back(Floats(name + ".bias", {outputs}, convs.back().bias));
  }

  std::mt19937 random_{5};
  std::vector<TensorToWrite> tensors_;
  std::vector<uint8_t> bytes_;
};

LayerSpec Conv(int out) {
  return {.kind = LayerKind::kConv3x3,
          .in_channels = 64,
          .out_channels = out,
          .bias = true};
}

// Trunk and head as a network of its own.
std::shared_ptr<const Model> Standalone(const Model& full, int stage,
                                        const std::vector<ConvWeights>& convs) {
  ModelSpec spec{.name = "exit",
                 .latent_channels = full.spec().latent_channels,
                 .layers = {}};
  std::vector<LayerWeights> weights;
  int ups = 0;
  for (size_t i = 0; i < full.spec().layers.size(); ++i) {
    ups += full.spec().layers[i].kind == LayerKind::kUpsample2;
    if (ups == stage) break;
    spec.layers.push_back(full.spec().layers[i]);
    weights.push_back(full.layers()[i]);
  }
  const auto add = [&](const LayerSpec& layer, LayerWeights of_layer = {}) {
    spec.layers.push_back(layer);
    weights.push_back(std::move(of_layer));
  };
  if (stage == 1) add({.kind = LayerKind::kUpsample2});
  const ConvWeights& last = convs[2 * stage - 1];
  add(Conv(64), {.convs = {convs[2 * stage - 2]}, .pool = {}});
  add({.kind = LayerKind::kRelu});
  add(Conv(last.out_channels), {.convs = {last}, .pool = {}});
  add({.kind = LayerKind::kPixelShuffle, .in_channels = last.out_channels});
  return std::make_shared<const Model>(std::move(spec), std::move(weights),
                                       full.info());
}

TEST(RungsTest, AnExitIsTheTrunkAndItsHead) {
  const auto full = testing::SeededFlux2();
  const HeadsFile heads;
  ModelSpec spec = full->spec();
  std::vector<LayerWeights> weights = full->layers();
  const auto file = heads.Parse();
  ASSERT_TRUE(file.ok()) << file.status().message();
  const Status added = AddExits(*file, &spec, &weights);
  ASSERT_TRUE(added.ok()) << added.message();
  AddDownscaledRungs(&spec, &weights);
  const auto model =
      std::make_shared<const Model>(spec, std::move(weights), full->info());
  const auto rungs = GetRungs(*model);
  // full, three exits; stage 3 halves once, stages 2 and 1 twice.
  ASSERT_EQ(rungs.size(), 1u + 3 + 1 + 2 + 2);
  EXPECT_EQ(rungs[0].name, "full");
  const Extent latent{3, 5};
  Extent picture;
  for (int rung = 1; rung <= 3; ++rung) {
    const int stage = 4 - rung;
    EXPECT_EQ(rungs[rung].name, "stage" + std::to_string(stage));
    EXPECT_LT(rungs[rung].flops, rungs[rung - 1].flops);
    EXPECT_EQ(
        DecodeRung(model, rung, latent, &picture),
        DecodeRung(Standalone(*full, stage, heads.convs), 0, latent, &picture));
  }
  EXPECT_EQ(DecodeRung(model, 0, latent, &picture),
            DecodeRung(full, 0, latent, &picture));
}

TEST(RungsTest, AHeadOfAnotherShapeIsNamed) {
  const HeadsFile heads(27);
  const auto file = heads.Parse();
  ASSERT_TRUE(file.ok());
  ModelSpec spec = TaesdSpec(32, true);
  std::vector<LayerWeights> weights(spec.layers.size());
  const Status status = AddExits(*file, &spec, &weights);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("stage3 must have 64 and 12"),
            std::string::npos)
      << status.message();
}

}  // namespace
}  // namespace tae
