// LoadModel: real files in every format and key style, what is refused and in
// which words, one object per file.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "base/half.h"
#include "io/file_bytes.h"
#include "io/tensor_file.h"
#include "model/model.h"
#include "support/decoder_file.h"
#include "support/safetensors_writer.h"
#include "support/shared_data.h"
#include "support/temp_folder.h"
#include "tae/decoder.h"

namespace tae {
namespace {

std::shared_ptr<const Model> MustLoad(const std::string& path,
                                      const std::string& variant = "") {
  auto model = LoadModel(path, {.variant = variant});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *model : nullptr;
}

bool SameConv(const ConvWeights& a, const ConvWeights& b) {
  return a.weight == b.weight && a.bias == b.bias && a.taps == b.taps &&
         a.in_channels == b.in_channels && a.out_channels == b.out_channels;
}

void ExpectSameWeights(const Model& a, const Model& b) {
  ASSERT_EQ(a.spec().name, b.spec().name);
  ASSERT_EQ(a.layers().size(), b.layers().size());
  for (size_t i = 0; i < a.layers().size(); ++i) {
    const LayerWeights& x = a.layers()[i];
    const LayerWeights& y = b.layers()[i];
    ASSERT_EQ(x.convs.size(), y.convs.size()) << "layer " << i;
    for (size_t j = 0; j < x.convs.size(); ++j) {
      EXPECT_TRUE(SameConv(x.convs[j], y.convs[j])) << "layer " << i;
    }
    ASSERT_EQ(x.pool.size(), y.pool.size()) << "layer " << i;
    for (size_t j = 0; j < x.pool.size(); ++j) {
      EXPECT_TRUE(SameConv(x.pool[j].expand, y.pool[j].expand));
      EXPECT_TRUE(SameConv(x.pool[j].contract, y.pool[j].contract));
      EXPECT_EQ(x.pool[j].gamma, y.pool[j].gamma);
      EXPECT_EQ(x.pool[j].beta, y.pool[j].beta);
    }
  }
}

std::vector<TensorToWrite> Renamed(
    std::vector<TensorToWrite> tensors,
    const std::function<std::string(const std::string&)>& rename) {
  for (TensorToWrite& tensor : tensors) tensor.name = rename(tensor.name);
  return tensors;
}

std::string ShiftedDown(const std::string& name) {
  const size_t dot = name.find('.');
  return std::to_string(std::stoi(name) - 1) + name.substr(dot);
}

class LoadTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name,
                    const std::vector<TensorToWrite>& tensors) {
    return folder_.Write(name, WriteSafetensors(tensors));
  }
  Status LoadStatus(const std::vector<TensorToWrite>& tensors,
                    const std::string& variant = "") {
    return LoadModel(Write("weights.safetensors", tensors),
                     {.variant = variant})
        .status();
  }
  TempFolder folder_;
};

TEST_F(LoadTest, WrappersAroundTheNamesAreTakenOff) {
  const auto plain =
      MustLoad(Write("plain.safetensors", DecoderTensors(4, false)), "sd");
  ASSERT_TRUE(plain);
  for (const char* wrapper :
       {"tae.", "model.", "module.", "_orig_mod.", "first_stage_model.",
        "module._orig_mod.", "vae.", "tae.decoder.", "model.taesd_decoder.",
        "first_stage_model.decoder.", "my_net.tiny.", "my_net.decoder."}) {
    const auto rename = [&](const std::string& name) { return wrapper + name; };
    const auto wrapped = MustLoad(
        Write("wrapped.safetensors", Renamed(DecoderTensors(4, false), rename)),
        "sd");
    ASSERT_TRUE(wrapped) << wrapper;
    ExpectSameWeights(*plain, *wrapped);
  }
  const auto diffusers = MustLoad(
      Write("diffusers.safetensors", Renamed(DecoderTensors(4, false),
                                             [](const std::string& name) {
                                               return "module.decoder.layers." +
                                                      ShiftedDown(name);
                                             })),
      "sd");
  ASSERT_TRUE(diffusers);
  ExpectSameWeights(*plain, *diffusers);
}

// As a training run saves them.
TEST_F(LoadTest, OfTwoCopiesOneIsTaken) {
  std::vector<TensorToWrite> both = DecoderTensors(4, false);
  for (const TensorToWrite& tensor :
       Renamed(DecoderTensors(4, false),
               [](const std::string& name) { return "ema." + name; }))
    both.push_back(tensor);
  EXPECT_TRUE(MustLoad(Write("both.safetensors", both), "sd"));
}

TEST_F(LoadTest, DoublesBecomeFloats) {
  std::vector<TensorToWrite> doubles = DecoderTensors(4, false);
  for (TensorToWrite& tensor : doubles) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < tensor.bytes.size(); i += 2) {
      uint16_t half;
      std::memcpy(&half, tensor.bytes.data() + i, 2);
      const double value = FloatFromF16(half);
      const auto* at = reinterpret_cast<const uint8_t*>(&value);
      bytes.insert(bytes.end(), at, at + sizeof(value));
    }
    tensor.dtype = "F64";
    tensor.bytes = std::move(bytes);
  }
  const auto plain =
      MustLoad(Write("plain.safetensors", DecoderTensors(4, false)), "sd");
  const auto from_doubles = MustLoad(Write("f64.safetensors", doubles), "sd");
  ASSERT_TRUE(plain && from_doubles);
  ExpectSameWeights(*plain, *from_doubles);
}

TEST_F(LoadTest, ATensorThatNobodyReadsMayBeOfAnyDtype) {
  for (const auto& [dtype, size] : {std::pair("F8_E8M0", 3),
                                    {"F4", 2},
                                    {"C64", 24},
                                    {"F6_E2M3", 3},
                                    {"X9", 5}}) {
    std::vector<TensorToWrite> tensors = DecoderTensors(4, false);
    tensors.push_back(
        {"extra.scale", dtype, {3}, std::vector<uint8_t>(size_t(size))});
    EXPECT_TRUE(MustLoad(Write("extra.safetensors", tensors), "sd")) << dtype;
  }
}

// With a mapping, whoever reads what was cut off gets SIGBUS.
TEST_F(LoadTest, BytesStayWhenTheFileIsCut) {
  const std::string path =
      Write("weights.safetensors", DecoderTensors(4, false));
  const auto file = FileBytes::Read(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const std::vector<uint8_t> before((*file)->bytes().begin(),
                                    (*file)->bytes().end());
  ASSERT_EQ(truncate(path.c_str(), 0), 0);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), (*file)->bytes().begin(),
                         (*file)->bytes().end()));
  EXPECT_TRUE(ParseTensorFile(*file).ok());
}

TEST_F(LoadTest, AFileOverTheLimitIsNotRead) {
  const std::string path = folder_.Write("large", std::vector<uint8_t>(100));
  EXPECT_TRUE(FileBytes::Read(path, 100).ok());
  const Status status = FileBytes::Read(path, 99).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("has 100 bytes"), std::string::npos)
      << status.message();
  ASSERT_EQ(truncate(path.c_str(), off_t{1} << 40), 0);  // sparse
  EXPECT_EQ(LoadModel(path, {}).status().code(), StatusCode::kInvalidArgument);
}

// A download that writes in place: every answer is a sentence.
TEST_F(LoadTest, AFileThatIsRewrittenWhileItIsReadEndsNobody) {
  const std::string path =
      Write("weights.safetensors", DecoderTensors(4, false));
  const std::vector<uint8_t> whole = ReadBytes(path);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      folder_.Write("weights.safetensors", whole);
      if (truncate(path.c_str(), 4096) != 0) return;
    }
  });
  for (int i = 0; i < 60; ++i) {
    const auto model = LoadModel(path, {.variant = "sd"});
    EXPECT_TRUE(model.ok() || !model.status().message().empty());
  }
  done = true;
  writer.join();
}

// Most people have these from ComfyUI's models/vae_approx.
TEST_F(LoadTest, PublishedByComfyUiTheyAreKnown) {
  const std::pair<const char*, const char*> files[] = {
      {"weights/taesd_decoder.safetensors", "sd"},
      {"weights/taesdxl_decoder.safetensors", "sdxl"},
      {"weights/taesd3_decoder.safetensors", "sd3"},
      {"weights/taef1_decoder.safetensors", "flux1"}};
  for (const auto& [file, variant] : files) {
    TAE_SHARED_OR_SKIP(path, file);
    const auto model = MustLoad(path);
    ASSERT_TRUE(model) << file;
    EXPECT_EQ(model->info().variant, variant) << file;
    EXPECT_TRUE(model->info().warnings.empty()) << file;
  }
}

TEST_F(LoadTest, PublishedFilesOfEveryFormatHoldTheSameWeights) {
  TAE_SHARED_OR_SKIP(upstream, "weights/taef2_decoder.safetensors");
  TAE_SHARED_OR_SKIP(pth, "weights/taef2_decoder.pth");
  TAE_SHARED_OR_SKIP(diffusers, "weights/taef2.safetensors");
  const auto first = MustLoad(upstream);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->info().variant, "flux2");
  EXPECT_EQ(first->info().architecture, "taesd-c32-pool");
  EXPECT_EQ(first->info().identity, "TAEF2 decoder");
  EXPECT_TRUE(first->info().warnings.empty());
  for (const std::string& path : {pth, diffusers}) {
    const auto other = MustLoad(path);
    ASSERT_TRUE(other);
    EXPECT_TRUE(other->info().warnings.empty());
    ExpectSameWeights(*first, *other);
  }
}

TEST_F(LoadTest, GoldenDecodersLoadWithAWarning) {
  TAE_SHARED_OR_SKIP(sd, "golden/sd_seeded_decoder.safetensors");
  TAE_SHARED_OR_SKIP(flux1, "golden/flux1_seeded_decoder.safetensors");
  EXPECT_EQ(MustLoad(sd)->info().architecture, "taesd-c4");
  const auto model = MustLoad(flux1, "z-image");
  EXPECT_EQ(model->info().architecture, "taesd-c16");
  EXPECT_EQ(model->info().variant, "flux1");
  ASSERT_EQ(model->info().warnings.size(), 1u);
}

TEST_F(LoadTest, AnEncoderIsNamed) {
  TAE_SHARED_OR_SKIP(encoder, "weights/taef2_encoder.pth");
  const auto model = LoadModel(encoder, {});
  EXPECT_EQ(model.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(model.status().message().find("an encoder"), std::string::npos)
      << model.status().message();
}

TEST_F(LoadTest, ALatentIsNamed) {
  TAE_SHARED_OR_SKIP(latent, "golden/flux2_tiny_8x8.safetensors");
  const auto model = LoadModel(latent, {});
  EXPECT_EQ(model.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(model.status().message().find("a latent"), std::string::npos);
}

TEST_F(LoadTest, EveryKeyStyleGivesTheSameNetwork) {
  const auto base = DecoderTensors(16, true);
  const auto reference = MustLoad(Write("upstream.safetensors", base));
  ASSERT_TRUE(reference);
  const auto extra = [](std::vector<TensorToWrite> tensors, std::string name) {
    tensors.push_back(
        {name, "F32", {64, 3, 3, 3}, std::vector<uint8_t>(64 * 27 * 4)});
    return tensors;
  };
  const auto diffusers = Renamed(base, [](const std::string& name) {
    return "decoder.layers." + ShiftedDown(name);
  });
  const auto combined =
      Renamed(base, [](const std::string& name) { return "decoder." + name; });
  auto comfy = Renamed(
      base, [](const std::string& name) { return "taesd_decoder." + name; });
  comfy.push_back({"vae_scale", "F32", {}, {0, 0, 0x80, 0x3F}});
  comfy.push_back({"vae_shift", "F32", {}, {0, 0, 0, 0}});
  for (const auto& tensors : {extra(diffusers, "encoder.layers.0.weight"),
                              extra(combined, "encoder.0.weight"),
                              extra(comfy, "taesd_encoder.0.weight")}) {
    const auto model = MustLoad(Write("other.safetensors", tensors));
    ASSERT_TRUE(model);
    ExpectSameWeights(*reference, *model);
  }
}

TEST_F(LoadTest, EveryChannelCountIsDetected) {
  for (const int channels : {4, 16, 32}) {
    for (const bool pool : {false, true}) {
      const auto model = MustLoad(
          Write("weights.safetensors", DecoderTensors(channels, pool)));
      ASSERT_TRUE(model);
      EXPECT_EQ(model->spec().name,
                "taesd-c" + std::to_string(channels) + (pool ? "-pool" : ""));
    }
  }
}

TEST_F(LoadTest, TheFileNameDecidesBetweenSpacesOfTheSameShape) {
  const auto tensors = DecoderTensors(16, false);
  const auto sd3 = MustLoad(Write("taesd3_decoder.safetensors", tensors));
  EXPECT_EQ(sd3->info().variant, "sd3");
  const auto unnamed = MustLoad(Write("mine.safetensors", tensors));
  EXPECT_EQ(unnamed->info().variant, "flux1");
  ASSERT_EQ(unnamed->info().warnings.size(), 2u);
  EXPECT_NE(unnamed->info().warnings[1].find("sd3"), std::string::npos);
}

TEST_F(LoadTest, AnImpostorLoadsWithAWarning) {
  const auto model =
      MustLoad(Write("taef2_decoder.safetensors", DecoderTensors(32, true)));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->info().variant, "flux2");
  EXPECT_EQ(model->info().identity, "");
  ASSERT_EQ(model->info().warnings.size(), 1u);
  EXPECT_NE(model->info().warnings[0].find("a different build"),
            std::string::npos);
}

TEST_F(LoadTest, AMissingTensorIsNamed) {
  auto tensors = DecoderTensors(4, false);
  std::erase_if(tensors,
                [](const auto& t) { return t.name == "9.conv.2.bias"; });
  const Status status = LoadStatus(tensors);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("'9.conv.2.bias' [64] is missing"),
            std::string::npos)
      << status.message();
}

TEST_F(LoadTest, AWrongShapeIsNamedWithBothShapesAndTheFile) {
  auto tensors = DecoderTensors(4, false);
  for (TensorToWrite& tensor : tensors) {
    if (tensor.name == "19.weight") tensor.dims = {3, 192, 3, 1};
  }
  const Status status = LoadStatus(tensors);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  for (const char* word : {"weights.safetensors", "'19.weight'",
                           "[3, 64, 3, 3]", "[3, 192, 3, 1]"}) {
    EXPECT_NE(status.message().find(word), std::string::npos)
        << status.message();
  }
}

TEST_F(LoadTest, ATensorTooManyIsNamed) {
  auto tensors = DecoderTensors(4, false);
  tensors.push_back({"21.weight", "F16", {1}, {0, 0}});
  EXPECT_NE(LoadStatus(tensors).message().find("'21.weight'"),
            std::string::npos);
}

TEST_F(LoadTest, NanInTheWeightsIsNamed) {
  auto tensors = DecoderTensors(4, false);
  tensors[2].bytes[1] = 0x7E;
  const Status status = LoadStatus(tensors);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find(tensors[2].name), std::string::npos);
}

TEST_F(LoadTest, OtherNetworksAreNamed) {
  auto video = DecoderTensors(16, false);
  for (TensorToWrite& tensor : video) {
    if (tensor.name != "3.conv.0.weight") continue;
    tensor.dims[1] *= 2;
    tensor.bytes.resize(tensor.bytes.size() * 2);
  }
  EXPECT_NE(LoadStatus(video).message().find("TAEHV"), std::string::npos);
  std::vector<TensorToWrite> wide = {
      {"1.weight", "F16", {256, 32, 3, 3}, std::vector<uint8_t>(256 * 576)}};
  EXPECT_NE(LoadStatus(wide).message().find("TAESANA"), std::string::npos);
  const std::vector<TensorToWrite> vae = {
      {"decoder.conv_in.weight", "F32", {1}, {0, 0, 0, 0}}};
  EXPECT_NE(LoadStatus(vae).message().find("full VAE"), std::string::npos);
  const std::vector<TensorToWrite> unknown = {
      {"transformer.weight", "F32", {1}, {0, 0, 0, 0}}};
  EXPECT_EQ(LoadStatus(unknown).code(), StatusCode::kUnsupported);
}

TEST_F(LoadTest, AnOverrideThatDoesNotFitIsRefused) {
  const auto tensors = DecoderTensors(4, false);
  const Status status = LoadStatus(tensors, "flux2");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("has 32"), std::string::npos);
  EXPECT_EQ(LoadStatus(tensors, "nonsense").code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(LoadStatus(tensors, "SDXL").ok());
}

TEST_F(LoadTest, FilesThatCannotBeWeights) {
  EXPECT_EQ(LoadModel(folder_.path() + "/none", {}).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(LoadModel(folder_.path(), {}).status().code(),
            StatusCode::kUnreadable);
  EXPECT_EQ(LoadModel("/dev/zero", {}).status().code(),
            StatusCode::kUnreadable);
  EXPECT_EQ(LoadModel(folder_.Write("empty", {}), {}).status().code(),
            StatusCode::kDataLoss);
  const std::string page = "<!DOCTYPE html><html>";
  const auto status =
      LoadModel(folder_.Write("page", {page.begin(), page.end()}), {}).status();
  EXPECT_NE(status.message().find("web page"), std::string::npos);
}

TEST_F(LoadTest, OneFileIsOneObject) {
  const std::string path =
      Write("weights.safetensors", DecoderTensors(4, false));
  std::vector<std::shared_ptr<const Model>> models(8);
  std::vector<std::thread> threads;
  for (auto& model : models) {
    threads.emplace_back([&] { model = MustLoad(path); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& model : models) EXPECT_EQ(model, models[0]);
  EXPECT_EQ(MustLoad(folder_.path() + "/./weights.safetensors"), models[0]);
  auto changed = DecoderTensors(4, false);
  changed[0].bytes[0] ^= 1;
  EXPECT_NE(MustLoad(Write("weights.safetensors", changed)), models[0]);
}

TEST_F(LoadTest, AFittedProjectionLoadsAndAnotherShapeIsRefused) {
  const auto table = [](std::vector<int64_t> dims, int64_t biases) {
    int64_t count = 1;
    for (const int64_t dim : dims) count *= dim;
    return std::vector<TensorToWrite>{
        {"linear.weight", "F32", std::move(dims),
         std::vector<uint8_t>(size_t(count) * 4)},
        {"linear.bias",
         "F32",
         {biases},
         std::vector<uint8_t>(size_t(biases) * 4)}};
  };
  const auto model =
      MustLoad(Write("table.safetensors", table({12, 4, 3, 3}, 12)), "sd");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(GetModelInfo(*model).architecture, "linear");
  EXPECT_EQ(GetModelInfo(*model).latent_channels, 4);
  EXPECT_EQ(model->layers()[0].convs[0].bias[0], -1);  // 0 in [0, 1]
  for (const auto& dims : {std::vector<int64_t>{5, 4, 1, 1},
                           {3, 4, 2, 2},
                           {3, 4, 3, 1},
                           {27, 4, 1, 1},
                           {3, 4}}) {
    const Status status = LoadStatus(table(dims, dims[0]));
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_NE(status.message().find("linear.weight"), std::string::npos);
  }
  EXPECT_EQ(LoadStatus(table({3, 4, 1, 1}, 4)).code(), StatusCode::kDataLoss);
}

TEST_F(LoadTest, TheBuiltinDecoderNeedsNoFile) {
  const auto model = BuiltinModel("FLUX2");
  ASSERT_TRUE(model.ok()) << model.status().message();
  const ModelInfo& info = GetModelInfo(**model);
  EXPECT_EQ(info.variant, "flux2");
  EXPECT_EQ(info.architecture, "builtin-shuffle4");
  EXPECT_EQ(info.path, "");
  EXPECT_TRUE(info.warnings.empty());
  EXPECT_EQ(*BuiltinModel("flux2"), *model);
  EXPECT_EQ(BuiltinModel("sd").status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(BuiltinModel("none").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(LoadTest, TheFittedProjectionOfFlux2ReplacesThePublishedOne) {
  const auto model = *LinearModel("flux2");
  EXPECT_EQ(model->layers()[0].convs[0].taps, 9);
  EXPECT_EQ(GetModelInfo(*model).architecture, "linear");
  EXPECT_EQ(GetRungs(*model).size(), 4u);  // and of smaller pictures
}

TEST_F(LoadTest, PublishedWeightsHaveExitsAndUnknownOnesHaveNone) {
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  const auto rungs = GetRungs(*MustLoad(path));
  ASSERT_EQ(rungs.size(), 9u);
  EXPECT_EQ(rungs[1].name, "stage3");
  EXPECT_EQ(rungs[3].name, "stage1");
  EXPECT_LT(rungs[3].flops, 0.1 * rungs[0].flops);
  const auto other =
      MustLoad(Write("mine.safetensors", DecoderTensors(32, true)), "flux2");
  EXPECT_EQ(GetRungs(*other).size(), 1u);
}

TEST_F(LoadTest, LinearModelHoldsTheTable) {
  const auto model = LinearModel("qwen-image");
  ASSERT_TRUE(model.ok());
  EXPECT_EQ((*model)->info().variant, "wan21");
  EXPECT_EQ((*model)->info().architecture, "linear");
  EXPECT_EQ((*model)->layers()[0].convs[0].weight.size(), 48u);
  EXPECT_EQ(*LinearModel("WAN21"), *model);
  EXPECT_EQ(LinearModel("sana").status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(LinearModel("none").status().code(), StatusCode::kInvalidArgument);
  // Channel 1 adds to R, G, B what row 1 of the published table says.
  const auto sd = *LinearModel("sd");
  const ConvWeights& conv = sd->layers()[0].convs[0];
  EXPECT_FLOAT_EQ(conv.weight[0 * 4 + 1], 0.3250f);
  EXPECT_FLOAT_EQ(conv.weight[1 * 4 + 1], 0.4974f);
  EXPECT_FLOAT_EQ(conv.weight[2 * 4 + 1], 0.2350f);
}

}  // namespace
}  // namespace tae
