// Where weights are looked for, in which order, and the words when they are
// nowhere; hashes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "model/identify.h"
#include "support/decoder_file.h"
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
    Set("HF_HUB_CACHE", folder_.path() + "/hub");
  }
  void TearDown() override {
    for (const char* name : {"TAE_MODEL_PATH", "XDG_DATA_HOME", "XDG_DATA_DIRS",
                             "COMFYUI_PATH", "HF_HUB_CACHE"}) {
      unsetenv(name);
    }
  }
  static void Set(const char* name, const std::string& value) {
    setenv(name, value.c_str(), 1);
  }
  // Weights that fit the space of so many channels.
  std::string Weights(const std::string& name, int channels) {
    return folder_.Write(
        name, WriteSafetensors(DecoderTensors(channels, channels == 32)));
  }
  std::string Write(const std::string& name, const std::string& text) {
    return folder_.Write(name, {text.begin(), text.end()});
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
    const std::string path = Weights(name, 32);
    EXPECT_EQ(Find("flux2-klein"), path);
  }
}

TEST_F(FindWeightsTest, AFileInThePathServesUnlessItIsAnotherSpaces) {
  const std::string mine = Weights("fine_tuned.safetensors", 32);
  const std::string other = Weights("taesdxl_decoder.pth", 4);
  Set("TAE_MODEL_PATH", other + ":" + mine);
  EXPECT_EQ(Find("flux2"), mine);
  EXPECT_EQ(Find("sdxl"), other);
}

TEST_F(FindWeightsTest, ACloneOfTheRepositoryIsFound) {
  const std::string path =
      Weights("home/tae/taesd3/diffusion_pytorch_model.safetensors", 16);
  EXPECT_EQ(Find("sd3"), path);
  EXPECT_EQ(Find("sd"), "");
}

TEST_F(FindWeightsTest, SnapshotsOfTheHubAreFound) {
  for (const char* name :
       {"hub/models--madebyollin--taef1/snapshots/b1b2d0/"
        "diffusion_pytorch_model.safetensors",
        "system/tae/madebyollin/taef1/diffusion_pytorch_model.safetensors"}) {
    const std::string path = Weights(name, 16);
    EXPECT_EQ(Find("flux1"), path);
    EXPECT_EQ(Find("sd3"), "") << "the same shape, another repository";
  }
  // The place itself is the repository, its cache, or a revision.
  for (const char* name : {"a/madebyollin/taesd/",
                           "b/models--madebyollin--taesd/snapshots/614f7/"}) {
    const std::string path =
        Weights(std::string(name) + "diffusion_pytorch_model.safetensors", 4);
    Set("TAE_MODEL_PATH", folder_.path() + "/" + name);
    EXPECT_EQ(Find("sd"), path);
    EXPECT_EQ(Find("sdxl"), "");
  }
  Set("TAE_MODEL_PATH", folder_.path() + "/b/models--madebyollin--taesd");
  EXPECT_NE(Find("sd").find("/snapshots/614f7/"), std::string::npos);
}

TEST_F(FindWeightsTest, TheTildeIsTheHomeFolder) {
  const char* home = getenv("HOME");
  const std::string before = home != nullptr ? home : "";
  Set("HOME", folder_.path());
  const std::string path = Weights("mine/taef2.safetensors", 32);
  Set("TAE_MODEL_PATH", "~/mine");
  EXPECT_EQ(Find("flux2"), path);
  EXPECT_EQ(Find("flux2", "~/mine/taef2.safetensors"), path);
  Set("HOME", before);
}

// What stands before a good file and is none does not hide it.
TEST_F(FindWeightsTest, ADamagedFileIsPassedOverWithANote) {
  const std::string good = Weights("system/tae/taef2.safetensors", 32);
  const std::vector<uint8_t> whole = ReadBytes(good);
  const std::string cut(whole.begin(), whole.begin() + 100000);
  for (const auto& [bytes, says] :
       std::vector<std::pair<std::string, std::string>>{
           {cut, "damaged or was not copied to its end"},
           {"", "is empty"},
           {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize "
            "1\n",
            "git-lfs pointer"},
           {"\n<!doctype HTML><html>404</html>", "web page"},
           {"<HTML><body>404</body></HTML>", "web page"},
           {std::string(50000, '\0'), "is no file of tensors"}}) {
    const std::string bad = Write("home/tae/taef2_decoder.safetensors", bytes);
    const auto found = FindWeights("flux2", "");
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_EQ(found->path, good);
    ASSERT_EQ(found->notes.size(), 1u);
    EXPECT_EQ(found->notes[0].rfind(bad, 0), 0u) << found->notes[0];
    EXPECT_NE(found->notes[0].find(says), std::string::npos) << found->notes[0];
  }
  // Weights of another space under this one's name.
  Weights("home/tae/taef2_decoder.safetensors", 16);
  ASSERT_EQ(FindWeights("flux2", "")->notes.size(), 1u);
  EXPECT_EQ(Find("flux2"), good);
}

TEST_F(FindWeightsTest, WhereAllAreDamagedTheMessageNamesThem) {
  const std::string bad = Write("home/tae/taef2_decoder.safetensors", "");
  const Status status = FindWeights("flux2", "").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_NE(status.message().find(bad + ": is empty"), std::string::npos)
      << status.message();
}

TEST_F(FindWeightsTest, AnExplicitPathIsTakenOrRefused) {
  Weights("home/tae/taef2_decoder.pth", 32);
  const std::string mine = Write("mine", "?");
  EXPECT_EQ(Find("flux2", mine), mine);
  EXPECT_EQ(FindWeights("flux2", mine + "x").status().code(),
            StatusCode::kNotFound);
}

TEST_F(FindWeightsTest, AnExplicitFolderIsLookedInto) {
  const std::string mine =
      Weights("clone/diffusion_pytorch_model.safetensors", 16);
  EXPECT_EQ(Find("flux1", folder_.path() + "/clone"), mine);
  const Status status =
      FindWeights("flux2", folder_.path() + "/clone").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_NE(status.message().find("decodes 16 latent channels"),
            std::string::npos)
      << status.message();
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
  int files = 0;
  for (const VariantInfo& info : Variants()) {
    if (info.weights_sha256.empty()) continue;
    ++files;
    const KnownFile* known = FindKnownFile(info.weights_sha256);
    ASSERT_NE(known, nullptr) << info.name;
    EXPECT_EQ(known->variant, info.name);
  }
  EXPECT_GE(files, 5);
}

TEST(Identify, WarnsOfTheUnknownAndNamesADifferentBuild) {
  const std::string strange(64, '0');
  const std::string unknown = IdentityWarning("/x/mine.safetensors", strange);
  EXPECT_NE(unknown.find("none of the published"), std::string::npos);
  const std::string other_build =
      IdentityWarning("/x/taew2_1.safetensors", strange);
  EXPECT_NE(other_build.find("a different build"), std::string::npos);
  EXPECT_EQ(IdentityWarning("/x/any",
                            "0a44a31e1ae59eb9dbf9359d24942fd3"
                            "ef5928162c1800d97a28c61d51be0ab5"),
            "");
}

}  // namespace
}  // namespace tae
