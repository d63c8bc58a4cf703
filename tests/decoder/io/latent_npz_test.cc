// NumPy archives of latents, and the caches of sd-scripts.
#include "io/latent_npz.h"

#include <gtest/gtest.h>

#include "support/latent_bytes.h"
#include "support/pickle_writer.h"
#include "support/temp_folder.h"

namespace tae {
namespace {

std::vector<uint8_t> Array(const std::string& descr, const std::string& shape,
                           size_t bytes) {
  const std::string npy = testing::Npy("{'descr': '" + descr +
                                           "', 'fortran_order': False, "
                                           "'shape': " +
                                           shape + ", }",
                                       std::string(bytes, '\1'));
  return {npy.begin(), npy.end()};
}

class LatentNpz : public ::testing::Test {
 protected:
  StatusOr<LatentFile> Read(const ZipRecords& records, bool deflate = false,
                            const std::string& name = "cache.npz",
                            LatentLimits limits = {}) {
    return ReadLatentFile(folder_.Write(name, WriteZip(records, deflate)),
                          limits);
  }
  TempFolder folder_;
};

const ZipRecords kCache = {
    {"latents_6x5.npy", Array("<f4", "(4, 6, 5)", 480)},
    {"latents_flipped_6x5.npy", Array("<f4", "(4, 6, 5)", 480)},
    {"alpha_mask_6x5.npy", Array("<f4", "(48, 40)", 7680)},
    {"original_size_6x5.npy", Array("<i8", "(2,)", 16)}};

TEST_F(LatentNpz, ACacheGivesThePlainLatentsAndNamesTheRest) {
  for (const bool deflate : {false, true}) {
    const auto read = Read(kCache, deflate);
    ASSERT_TRUE(read.ok()) << read.status().message();
    ASSERT_EQ(read->messages.size(), 1u);
    const LatentMessage& message = read->messages[0];
    EXPECT_EQ(message.header.tensor, "latents_6x5");
    EXPECT_EQ(message.payload, std::vector<uint8_t>(480, 1));
    const auto view = message.View();
    ASSERT_TRUE(view.ok()) << view.status().message();
    EXPECT_EQ(view->domain, LatentDomain::kVae);
    EXPECT_EQ(view->extent, (Extent{6, 5}));
    ASSERT_EQ(read->notes.size(), 1u);
    for (const char* word : {"cache.npz: ", "'latents_flipped_6x5'",
                             "'alpha_mask_6x5'", "'original_size_6x5'"})
      EXPECT_NE(read->notes[0].find(word), std::string::npos) << read->notes[0];
  }
}

TEST_F(LatentNpz, TheEndingOfACacheSaysTheSpace) {
  struct Case {
    const char* name;
    const char* shape;
    const char* space;
    LatentDomain domain;
  };
  for (const Case& c : std::vector<Case>{
           {"a_0512x0768_sd.npz", "(4, 6, 5)", "sd", LatentDomain::kVae},
           {"a_0512x0768_sdxl.npz", "(4, 6, 5)", "sdxl", LatentDomain::kVae},
           {"a_0512x0768_sd3.npz", "(16, 6, 5)", "sd3", LatentDomain::kVae},
           {"a_0512x0768_flux.npz", "(16, 6, 5)", "flux1",
            LatentDomain::kSampler},
           {"plain.npz", "(16, 6, 5)", "", LatentDomain::kSampler}}) {
    const size_t bytes = c.shape[1] == '4' ? 480 : 1920;
    const auto read =
        Read({{"latents.npy", Array("<f4", c.shape, bytes)}}, false, c.name);
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read->messages[0].header.description.space, c.space) << c.name;
    EXPECT_EQ(read->messages[0].View()->domain, c.domain) << c.name;
    EXPECT_TRUE(read->notes.empty());
  }
}

TEST_F(LatentNpz, SeveralLatentsComeInNaturalOrder) {
  const auto read = Read({{"latents_10x2.npy", Array("<f2", "(4, 10, 2)", 160)},
                          {"latents_9x2.npy", Array("<f2", "(4, 9, 2)", 144)}});
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->messages.size(), 2u);
  EXPECT_EQ(read->messages[0].header.tensor, "latents_9x2");
}

TEST_F(LatentNpz, TheOnlyLatentNeedsNoName) {
  const auto read = Read({{"z.npy", Array("<f2", "(1, 4, 2, 3)", 48)},
                          {"size.npy", Array("<i8", "(2,)", 16)}});
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->messages[0].header.tensor, "z");
  EXPECT_EQ(read->messages[0].View()->domain, LatentDomain::kSampler);
  ASSERT_EQ(read->notes.size(), 1u);
  EXPECT_EQ(read->notes[0].find("'z'"), std::string::npos) << read->notes[0];
}

TEST_F(LatentNpz, WhatIsNoneIsRefusedWithASentence) {
  const auto refused = [&](const ZipRecords& records, const char* says) {
    const Status status = Read(records).status();
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.message().find("cache.npz: "), std::string::npos);
    EXPECT_NE(status.message().find(says), std::string::npos)
        << status.message();
  };
  refused({{"a.txt", {'a'}}}, "without an array");
  refused({{"a.npy", Array("<f2", "(1, 4, 2, 3)", 48)},
           {"b.npy", Array("<f2", "(1, 4, 2, 3)", 48)}},
          "none of the arrays 'a', 'b' is named");
  refused({{"a.npy", Array("<i8", "(2,)", 16)}}, "that of sound");
  refused({{"latent.npy", Array("<f2", "(1, 4, 2, 3)", 47)}}, "truncated");
  refused({{"latent.npy", Array("<f2", "(1, 4, 2, 3)", 49)}}, "not as long");
  refused({{"latent.npy", {'x'}}}, "'latent'");
}

// A small file that unpacks to a large one costs no more than the limit.
TEST_F(LatentNpz, ABombIsStoppedByTheLimit) {
  const auto read =
      Read({{"latent.npy", Array("<f2", "(1, 4, 1024, 1024)", 8 << 20)}}, true,
           "bomb.npz", {.payload_bytes = 1 << 20});
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.status().message().find("at most"), std::string::npos)
      << read.status().message();
}

TEST_F(LatentNpz, EveryTruncationIsRefused) {
  const std::vector<uint8_t> bytes = WriteZip(kCache, true);
  ASSERT_GT(bytes.size(), 100u);
  for (size_t size = 4; size < bytes.size(); ++size) {
    const auto read = ReadLatentFile(
        folder_.Write("cut.npz", {bytes.begin(), bytes.begin() + size}), {});
    EXPECT_FALSE(read.ok()) << size;
  }
}

}  // namespace
}  // namespace tae
