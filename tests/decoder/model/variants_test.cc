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
  for (const VariantInfo& info : Variants()) {
    const auto spec = ArchitectureOf(info.name);
    EXPECT_EQ(spec.has_value(), !info.weights_file.empty()) << info.name;
    if (!spec) continue;
    EXPECT_EQ(spec->latent_channels, info.latent_channels);
    EXPECT_EQ(spec->pixels_per_latent, info.pixels_per_latent);
    EXPECT_EQ(info.weights_sha256.size(), 64u);
    EXPECT_TRUE(info.weights_url.starts_with("https://"));
  }
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
