// The table of spaces, and every constant against the collection it came from.
#include "model/variants.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "model/architectures.h"
#include "model/linear_tables.h"
#include "model/vae_domain.h"
#include "support/full_vae.h"
#include "support/shared_data.h"

namespace tae {
namespace {

using nlohmann::json;

TEST(Variants, AreFoundByNameAndAliasInAnyCase) {
  EXPECT_EQ(FindVariant("flux2")->name, "flux2");
  EXPECT_EQ(FindVariant("FLUX2-Klein")->name, "flux2");
  EXPECT_EQ(FindVariant("sd15")->name, "sd");
  EXPECT_EQ(FindVariant("z-image")->name, "flux1");
  EXPECT_EQ(FindVariant("hidream_i1")->name, "flux1");
  EXPECT_EQ(FindVariant("qwen-image")->name, "wan21");
  EXPECT_EQ(FindVariant("qwen-image-2.1")->name, "qwen_image21");
  EXPECT_EQ(FindVariant(""), nullptr);
  EXPECT_EQ(FindVariant("flux"), FindVariant("flux1"));
  EXPECT_EQ(FindVariant("flux3"), nullptr);
  EXPECT_EQ(FindVariant("sd1,sd15"), nullptr);
}

struct NameCase {
  const char* variant;
  std::vector<const char*> names;
};

TEST(Variants, AreFoundByTheNamesThatPeopleUse) {
  const NameCase cases[] = {
      {"sd",
       {"sd1.5", "SD2.1", "SD 1.x", "runwayml/stable-diffusion-v1-5",
        "stabilityai/stable-diffusion-2-1-base", "StableDiffusionPipeline",
        "StableDiffusionImg2ImgPipeline", "latent_formats.SD15", "SD15",
        "VERSION_SD2", "sd-turbo", "PixArt-alpha/PixArt-Alpha-XL-2-1024-MS",
        "taesd"}},
      {"sdxl",
       {"SDXL", "stabilityai/stable-diffusion-xl-base-1.0",
        "stable-diffusion-xl-refiner-1.0", "StableDiffusionXLInpaintPipeline",
        "sdxl-turbo", "KolorsPipeline", "Kwai-Kolors/Kolors-diffusers",
        "pixart", "PixArtSigmaPipeline", "AuraFlowPipeline",
        "HunyuanDiTPipeline", "VERSION_SDXL"}},
      {"sd3",
       {"sd3.5", "SD3.x", "stabilityai/stable-diffusion-3.5-large-turbo",
        "stabilityai/stable-diffusion-3-medium-diffusers",
        "StableDiffusion3Pipeline", "latent_formats.SD3"}},
      {"flux1",
       {"FLUX.1-dev",
        "black-forest-labs/FLUX.1-schnell",
        "FluxPipeline",
        "FluxKontextPipeline",
        "FLUX.1-Krea-dev",
        "Flux",
        "VERSION_FLUX",
        "hidream",
        "HiDream-ai/HiDream-I1-Full",
        "HiDreamImagePipeline",
        "Tongyi-MAI/Z-Image-Turbo",
        "ZImagePipeline",
        "VERSION_Z_IMAGE",
        "lodestones/Chroma1-HD",
        "Lumina2Pipeline",
        "Ovis-Image-7B",
        "LongCatImagePipeline",
        "Flex.2-preview",
        "flux1-dev-Q4_K_S.gguf",
        "lumina 2.0",
        "madebyollin/taef1"}},
      {"flux2",
       {"flux.2", "flux2-klein-9b", "FLUX.2-klein-4B", "FLUX.2-dev",
        "black-forest-labs/FLUX.2-klein-base-9B", "Flux2Pipeline",
        "Flux2KleinPipeline", "comfy.latent_formats.Flux2", "VERSION_FLUX2",
        "Flux.2 klein", "FLUX.2-dev-bnb-4bit", "ErnieImagePipeline"}},
      {"wan21",
       {"wan2.1", "Wan21", "Wan-AI/Wan2.1-T2V-14B-Diffusers", "Wan 2.x",
        "Wan-AI/Wan2.2-T2V-A14B", "wan2.2-i2v-a14b", "WanPipeline",
        "WanImageToVideoPipeline", "VERSION_WAN2_2_I2V", "Qwen/Qwen-Image",
        "QwenImageEditPlusPipeline", "Qwen-Image-Edit-2511", "krea", "Krea 2",
        "Krea2Pipeline", "QwenImageLayeredPipeline", "Wan2.1-I2V-14B-720P",
        "WanAnimatePipeline"}},
      {"wan22",
       {"wan2.2", "Wan-AI/Wan2.2-TI2V-5B-Diffusers", "VERSION_WAN2_2_TI2V",
        "latent_formats.Wan22"}},
      {"qwen_image21",
       {"QwenImage21", "Qwen/Qwen-Image-2.1", "QwenImage21Pipeline"}},
      {"hunyuan_video",
       {"hunyuan", "HunyuanVideo", "tencent/HunyuanVideo",
        "HunyuanVideoPipeline", "Kandinsky5T2VPipeline"}},
      {"hunyuan_video15",
       {"HunyuanVideo15", "hunyuanvideo-1.5", "HunyuanVideo15Pipeline"}},
      {"hunyuan_image21",
       {"hunyuan-image", "HunyuanImage21", "tencent/HunyuanImage-2.1",
        "HunyuanImagePipeline"}},
      {"sana",
       {"SanaPipeline", "SanaSprintPipeline",
        "Efficient-Large-Model/Sana_1600M_1024px_diffusers",
        "SANA1.5_1.6B_1024px"}},
      {"ltx2", {"LTX2Pipeline", "LTXAV", "Lightricks/LTX-2", "ltx-2.3"}},
      {"ltxv", {"LTXV", "LTXPipeline", "Lightricks/LTX-Video"}},
      {"stable_cascade_prior", {"SC_Prior", "StableCascadePriorPipeline"}},
      {"stable_cascade_b", {"SC_B", "StableCascadeDecoderPipeline"}},
      {"sdxl_playground25",
       {"SDXL_Playground_2_5", "playground-v2.5-1024px-aesthetic"}},
      {"sd_x4",
       {"SD_X4", "stabilityai/stable-diffusion-x4-upscaler",
        "StableDiffusionUpscalePipeline"}},
      {"minimax_h3", {"MiniMaxH3Video", "MiniMaxH3AV", "MiniMax-H3"}},
      {"mochi1", {"Mochi", "genmo/mochi-1-preview", "MochiPipeline"}},
      {"rgb",
       {"ChromaRadiance", "HiDream-O1", "PixelDiTPixel", "ZImagePixelSpace",
        "VERSION_CHROMA_RADIANCE"}},
      {"cosmos1", {"Cosmos1CV8x8x8"}},
      {"cogvideox", {"CogVideoXPipeline", "THUDM/CogVideoX-2b"}},
  };
  int tried = 0;
  for (const NameCase& c : cases)
    for (const char* name : c.names) {
      const VariantInfo* found = FindVariant(name);
      EXPECT_EQ(found == nullptr ? "" : found->name, c.variant) << name;
      ++tried;
    }
  EXPECT_GT(tried, 100);
}

// Something new is not taken for what it resembles.
TEST(Variants, WhatIsNewIsNotTakenForWhatItResembles) {
  for (const char* name : {"flux3",
                           "FLUX.3-dev",
                           "sd4",
                           "stable-diffusion-4",
                           "wan3",
                           "qwen-image-3",
                           "HunyuanImage-3.0",
                           "HunyuanImage21Refiner",
                           "SanaVideoPipeline",
                           "StableAudio1",
                           "Hunyuan3Dv2",
                           "stable-cascade",
                           "krea3",
                           "pipeline",
                           "turbo",
                           "9b",
                           "",
                           "/",
                           "---",
                           "comfy",
                           "sd1,sd15"})
    EXPECT_EQ(FindVariant(name), nullptr) << name;
}

TEST(Variants, AnUnknownNameGetsTheNearestThree) {
  const auto says = [](const char* name) {
    const Status status = UnknownVariant(name);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_NE(says("flux3").find("'flux3'"), std::string::npos);
  for (const char* word : {"flux1", "flux2"})
    EXPECT_NE(says("FLUX.3-dev").find(word), std::string::npos)
        << says("FLUX.3-dev");
  for (const char* word : {"krea (wan21)", "flux-krea (flux1)"})
    EXPECT_NE(says("krea3").find(word), std::string::npos) << says("krea3");
  EXPECT_NE(says("sdxxl").find("sdxl"), std::string::npos) << says("sdxxl");
  EXPECT_LT(says(std::string(100000, 'x').c_str()).size(), 400u);
}

TEST(Variants, NoiseIsFlowMatchingButInOlderSpaces) {
  for (const char* name : {"flux1", "flux2", "sd3", "wan21", "z-image"})
    EXPECT_EQ(FindVariant(name)->noise, NoiseProcess::kFlowMatching) << name;
  for (const char* name : {"sd", "sdxl", "kolors", "playground25"})
    EXPECT_EQ(FindVariant(name)->noise, NoiseProcess::kVarianceExploding)
        << name;
}

TEST(Variants, TheLikeliestOfAChannelCountComesFirst) {
  EXPECT_EQ(VariantsWithChannels(32).front()->name, "flux2");
  EXPECT_EQ(VariantsWithChannels(16).front()->name, "flux1");
  EXPECT_EQ(VariantsWithChannels(4).front()->name, "sd");
  EXPECT_TRUE(VariantsWithChannels(5).empty());
}

TEST(Variants, NamesAndAliasesAreUnique) {
  std::set<std::string> names;
  for (const VariantInfo& info : Variants()) {
    std::string list(info.name);
    if (!info.aliases.empty()) list += "," + std::string(info.aliases);
    std::stringstream stream(list);
    for (std::string name; std::getline(stream, name, ',');) {
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_EQ(FindVariant(name), &info) << name;
    }
    EXPECT_GT(info.latent_channels, 0);
    EXPECT_FALSE(info.description.empty());
  }
}

TEST(Variants, ADecoderHasAFileAndFitsItsSpace) {
  int decoders = 0;
  for (const VariantInfo& info : Variants()) {
    const auto spec = ArchitectureOf(info.name);
    EXPECT_EQ(spec.has_value(), !info.weights_file.empty()) << info.name;
    if (!spec) continue;
    ++decoders;
    EXPECT_EQ(spec->latent_channels, info.latent_channels);
    EXPECT_EQ(spec->pixels_per_latent, info.pixels_per_latent);
    EXPECT_EQ(info.weights_sha256.size(), 64u);
    EXPECT_TRUE(info.weights_url.starts_with("https://"));
  }
  EXPECT_GE(decoders, 5);
  EXPECT_EQ(ArchitectureOf("flux2")->name, "taesd-c32-pool");
}

TEST(Architectures, LayersHaveUpstreamsIndices) {
  const ModelSpec spec = TaesdSpec(32, true);
  ASSERT_EQ(spec.layers.size(), 20u);
  for (const int index : {6, 11, 16}) {
    EXPECT_EQ(spec.layers[index].kind, LayerKind::kUpsample2);
    EXPECT_FALSE(spec.layers[index + 1].bias);
  }
  for (const int index : {3, 4, 5, 8, 9, 10, 13, 14, 15, 18}) {
    EXPECT_EQ(spec.layers[index].kind, LayerKind::kBlock);
    EXPECT_EQ(spec.layers[index].pool, index <= 5);
  }
  EXPECT_EQ(spec.layers[19].out_channels, 3);
}

// latent_formats.json calls the first space sd1.
std::string NameHere(const std::string& name) {
  return name == "sd1" ? "sd" : name;
}

class Collection : public ::testing::Test {
 protected:
  void SetUp() override {
    TAE_SHARED_OR_SKIP(path, "latent_formats.json");
    spaces_ = json::parse(std::ifstream(path)).at("spaces");
  }
  json spaces_ = json::object();
};

TEST_F(Collection, EverySpaceAndEveryLinearTableIsHere) {
  for (const auto& [key, space] : spaces_.items()) {
    const VariantInfo* info = FindVariant(NameHere(key));
    ASSERT_NE(info, nullptr) << key;
    EXPECT_EQ(info->latent_channels, space.at("latent_channels")) << key;
    EXPECT_EQ(info->pixels_per_latent, space.at("spatial_downscale")) << key;
    for (const std::string alias : space.at("aliases")) {
      // The collection counts it to SDXL; its VAE is that of SD 1.
      if (alias == "pixart-alpha") continue;
      EXPECT_EQ(FindVariant(alias), info) << alias;
    }
    const LinearTable* table = FindLinearTable(info->name);
    ASSERT_EQ(table != nullptr, !space.at("latent_rgb").empty()) << key;
    if (table == nullptr) continue;
    const json& first = space.at("latent_rgb").at(0);
    ASSERT_EQ(table->factors.size(), 3 * first.at("factors").size());
    for (size_t i = 0; i < table->factors.size(); ++i) {
      EXPECT_FLOAT_EQ(table->factors[i],
                      first.at("factors").at(i / 3).at(i % 3).get<float>())
          << key << " " << i;
    }
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_FLOAT_EQ(table->bias[i], first.at("bias").at(i).get<float>());
    }
  }
}

TEST_F(Collection, EveryVaeConstantTurnsTheFormulaBack) {
  int spaces = 0;
  for (const auto& [key, space] : spaces_.items()) {
    const json& vae = space.at("vae");
    const bool known = vae.contains("scale") || vae.contains("latents_mean") ||
                       vae.contains("scale128");
    const auto affine = SamplerFromVae(NameHere(key));
    ASSERT_EQ(affine.has_value(), known) << key;
    if (!known) continue;
    ++spaces;
    const size_t channels = space.at("latent_channels");
    ASSERT_EQ(affine->mul.size(), 4 * channels);
    ASSERT_EQ(affine->add.size(), 4 * channels);
    for (size_t i = 0; i < 4 * channels; ++i) {
      const double z = 0.1 * static_cast<double>(i % 37) - 1.7;
      const double full =
          testing::FullVaeValue(space, i / 4, i / 2 % 2, i % 2, z);
      EXPECT_NEAR(full * affine->mul[i] + affine->add[i], z, 1e-5)
          << key << " " << i;
    }
  }
  EXPECT_GE(spaces, 15);
}

}  // namespace
}  // namespace tae
