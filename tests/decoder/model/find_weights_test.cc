// Where weights are looked for, in which order, and the words when they are
// nowhere; hashes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "model/identify.h"
#include "support/temp_folder.h"
#include "tae/decoder.h"

namespace tae {
namespace {

class FindWeightsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Set("TAE_MODEL_PATH", "");
    Set("XDG_DATA_HOME", folder_.path() + "/home");
    Set("XDG_DATA_DIRS", folder_.path() + "/system");
    Set("COMFYUI_PATH", "");
  }
  void TearDown() override {
    for (const char* name :
         {"TAE_MODEL_PATH", "XDG_DATA_HOME", "XDG_DATA_DIRS", "COMFYUI_PATH"}) {
      unsetenv(name);
    }
  }
  static void Set(const char* name, const std::string& value) {
    setenv(name, value.c_str(), 1);
  }
  std::string Touch(const std::string& name) {
    return folder_.Write(name, {1});
  }
  static std::string Find(const std::string& variant,
                          const std::string& path = "") {
    const auto found = FindWeights(variant, path);
    return found.ok() ? found->path : "";
  }
  TempFolder folder_;
};

TEST_F(FindWeightsTest, TheNearerPlaceWins) {
  Set("COMFYUI_PATH", folder_.path() + "/comfy");
  Set("TAE_MODEL_PATH", folder_.path() + "/none::" + folder_.path() + "/mine");
  for (const char* name :
       {"comfy/models/vae_approx/taef2_decoder.pth",
        "system/tae/taef2_decoder.safetensors", "home/tae/taef2.safetensors",
        "mine/taef2_decoder.safetensors"}) {
    const std::string path = Touch(name);
    EXPECT_EQ(Find("flux2-klein"), path);
  }
}

TEST_F(FindWeightsTest, AFileInThePathServesUnlessItIsAnotherSpaces) {
  const std::string mine = Touch("fine_tuned.safetensors");
  const std::string other = Touch("taesdxl_decoder.pth");
  Set("TAE_MODEL_PATH", other + ":" + mine);
  EXPECT_EQ(Find("flux2"), mine);
  EXPECT_EQ(Find("sdxl"), other);
}

TEST_F(FindWeightsTest, ACloneOfTheRepositoryIsFound) {
  const std::string path =
      Touch("home/tae/taesd3/diffusion_pytorch_model.safetensors");
  EXPECT_EQ(Find("sd3"), path);
  EXPECT_EQ(Find("sd"), "");
}

TEST_F(FindWeightsTest, AnExplicitPathIsTakenOrRefused) {
  Touch("home/tae/taef2_decoder.pth");
  const std::string mine = Touch("mine");
  EXPECT_EQ(Find("flux2", mine), mine);
  EXPECT_EQ(FindWeights("flux2", mine + "x").status().code(),
            StatusCode::kNotFound);
}

TEST_F(FindWeightsTest, WhatIsMissingComesWithFileUrlAndCommand) {
  const Status status = FindWeights("flux2", "").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  for (const char* word : {"taef2_decoder.pth", "https://", "fetch-weights.sh",
                           "/home/tae", "flux2"}) {
    EXPECT_NE(status.message().find(word), std::string::npos)
        << status.message();
  }
  EXPECT_EQ(FindWeights("wan21", "").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(FindWeights("none", "").status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Identify, HashesAsTheStandardSays) {
  EXPECT_EQ(Sha256Hex({}),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const uint8_t abc[] = {'a', 'b', 'c'};
  EXPECT_EQ(Sha256Hex(abc),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Identify, EveryDownloadOfTheTableIsAKnownFile) {
  for (const VariantInfo& info : Variants()) {
    if (info.weights_sha256.empty()) continue;
    const KnownFile* known = FindKnownFile(info.weights_sha256);
    ASSERT_NE(known, nullptr) << info.name;
    EXPECT_EQ(known->variant, info.name);
  }
}

TEST(Identify, WarnsOfTheUnknownAndMoreOfTheImpostor) {
  const std::string strange(64, '0');
  const std::string unknown = IdentityWarning("/x/mine.safetensors", strange);
  EXPECT_NE(unknown.find("none of the published"), std::string::npos);
  const std::string impostor =
      IdentityWarning("/x/taew2_1.safetensors", strange);
  EXPECT_NE(impostor.find("impostor"), std::string::npos);
  EXPECT_EQ(IdentityWarning("/x/any",
                            "0a44a31e1ae59eb9dbf9359d24942fd3"
                            "ef5928162c1800d97a28c61d51be0ab5"),
            "");
}

}  // namespace
}  // namespace tae
