// Latents of whole files, real and made here.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "support/latent_bytes.h"
#include "tae/latent_stream.h"

namespace tae {
namespace {

class LatentFileTest : public ::testing::Test {
 protected:
  void TearDown() override { unlink(path_.c_str()); }
  StatusOr<LatentFile> Read(const std::string& bytes) {
    path_ =
        ::testing::TempDir() + "latent_file_test_" + std::to_string(getpid());
    std::ofstream(path_, std::ios::binary) << bytes;
    return ReadLatentFile(path_, {});
  }
  std::string path_;
};

TEST_F(LatentFileTest, StreamOfMessages) {
  StatusOr<LatentFile> read =
      Read(testing::SmallMessage("1") + testing::SmallMessage("2"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->messages.size(), 2u);
  EXPECT_EQ(read->messages[1].header.description.step, 2);
}

TEST_F(LatentFileTest, SeriesInNaturalOrder) {
  StatusOr<LatentFile> read = Read(testing::Safetensors(
      R"({"step_10":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
      R"("step_9":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
      "ttnn"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->messages.size(), 2u);
  EXPECT_EQ(read->messages[0].header.tensor, "step_9");
  EXPECT_EQ(read->messages[0].payload, (std::vector<uint8_t>{'n', 'n'}));
  EXPECT_EQ(read->messages[1].header.description.step, 2);
  EXPECT_EQ(read->messages[1].header.description.steps, 2);
}

// As kill -9 and a full disk leave a recording.
TEST_F(LatentFileTest, ARecordingThatIsCutGivesWhatIsWholeAndNamesTheByte) {
  const std::string one = testing::SmallMessage("1");
  const std::string two = one + testing::SmallMessage("2");
  const std::string whole = two + testing::SmallMessage("3");
  for (size_t size = two.size() + 1; size < whole.size(); ++size) {
    const StatusOr<LatentFile> read = Read(whole.substr(0, size));
    ASSERT_TRUE(read.ok()) << size << ": " << read.status().message();
    ASSERT_EQ(read->messages.size(), 2u) << size;
    ASSERT_EQ(read->notes.size(), 1u) << size;
    const std::string& note = read->notes[0];
    EXPECT_EQ(note.rfind(path_, 0), 0u) << note;
    EXPECT_NE(note.find("byte " + std::to_string(two.size()) + " "),
              std::string::npos)
        << note;
  }
  EXPECT_TRUE(Read(whole)->notes.empty());
  EXPECT_EQ(Read(one.substr(0, one.size() - 1)).status().code(),
            StatusCode::kDataLoss);
}

TEST_F(LatentFileTest, WhatFollowsAWholeMessageAndIsNoneIsANote) {
  const std::string one = testing::SmallMessage("1");
  for (const std::string& junk :
       {std::string("junk"), std::string(5000, '\0'), std::string(5000, 'x'),
        testing::Safetensors("{\"a\":[1]}", "")}) {
    const StatusOr<LatentFile> read = Read(one + junk);
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read->messages.size(), 1u);
    ASSERT_EQ(read->notes.size(), 1u);
    EXPECT_NE(read->notes[0].find("byte " + std::to_string(one.size())),
              std::string::npos)
        << read->notes[0];
  }
}

TEST_F(LatentFileTest, ASeriesThatIsCutGivesWhatIsWhole) {
  const std::string json =
      R"({"s1":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
      R"("s2":{"dtype":"F16","shape":[2],"data_offsets":[4,8]},)"
      R"("s3":{"dtype":"F16","shape":[2],"data_offsets":[8,12]}})";
  const auto read = Read(testing::Safetensors(json, "aaaabbb"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->messages.size(), 1u);
  EXPECT_EQ(read->messages[0].header.tensor, "s1");
  EXPECT_EQ(read->messages[0].header.description.steps, 3);
  ASSERT_EQ(read->notes.size(), 1u);
  EXPECT_NE(read->notes[0].find("2 tensors are not whole, the first of them "
                                "'s2', which begins at byte " +
                                std::to_string(8 + json.size() + 4)),
            std::string::npos)
      << read->notes[0];
  EXPECT_EQ(Read(testing::Safetensors(json, "aaa")).status().code(),
            StatusCode::kDataLoss);
}

TEST_F(LatentFileTest, WhatIsNoFileIsNotWaitedFor) {
  path_ = ::testing::TempDir() + "latent_fifo_" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  for (const std::string& path : {path_, std::string("/dev/zero")}) {
    const Status status = ReadLatentFile(path, {}).status();
    EXPECT_EQ(status.code(), StatusCode::kUnreadable);
    EXPECT_NE(status.message().find(path + ": is not a regular file"),
              std::string::npos)
        << status.message();
  }
}

// ComfyUI stores its workflow there, of some megabytes.
TEST_F(LatentFileTest, AFileMayHaveALargeHeaderAndAStreamAsFarAsItsLimit) {
  const std::string message = testing::Safetensors(
      R"({"__metadata__":{"prompt":")" + std::string(18 << 20, 'x') +
          R"("},"latent":{"dtype":"F16","shape":[1,1,2,2],)" +
          R"("data_offsets":[0,8]}})",
      std::string(8, '\0'));
  EXPECT_TRUE(Read(message).ok());
  EXPECT_EQ(
      ReadLatentFile(path_, {.file_header_bytes = 18 << 20}).status().code(),
      StatusCode::kInvalidArgument);
  LatentStreamReader live({});
  EXPECT_FALSE(live.Push(message.data(), message.size()).ok());
  LatentStreamReader wide({.header_bytes = 20 << 20});
  EXPECT_TRUE(wide.Push(message.data(), message.size()).ok());
}

TEST_F(LatentFileTest, AllOfItHasALimit) {
  const std::string one = testing::SmallMessage("1");
  ASSERT_TRUE(Read(one + one + one).ok());
  const uint64_t size = ReadLatentFile(path_, {})->messages[0].payload.size();
  EXPECT_TRUE(ReadLatentFile(path_, {.file_bytes = 3 * size}).ok());
  const Status status =
      ReadLatentFile(path_, {.file_bytes = 3 * size - 1}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("piece by piece"), std::string::npos)
      << status.message();
}

TEST_F(LatentFileTest, ErrorsNameTheFile) {
  for (const std::string& bytes :
       {std::string(), std::string("PK\x03\x04 and more bytes"),
        testing::SmallMessage().substr(0, 60)}) {
    StatusOr<LatentFile> read = Read(bytes);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.status().message().rfind(path_, 0), 0u)
        << read.status().message();
  }
  EXPECT_EQ(ReadLatentFile("/nowhere/at/all", {}).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(ReadLatentFile("/", {}).status().code(), StatusCode::kUnreadable);
}

TEST(NaturalLess, ComparesNumbers) {
  std::vector<std::string> names = {"s10",   "s9",   "s",     "a",
                                    "s009b", "s1x2", "s1x10", "s01x3"};
  std::sort(names.begin(), names.end(), NaturalLess);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "s", "s1x2", "s01x3", "s1x10",
                                             "s9", "s009b", "s10"}));
}

TEST(Shared, GoldenLatentsAndRefusedWeights) {
  const char* shared = std::getenv("TAE_SHARED");
  const std::string root = shared ? shared : "../shared";
  if (access((root + "/golden").c_str(), R_OK) != 0)
    GTEST_SKIP() << "needs golden/ in TAE_SHARED";
  StatusOr<LatentFile> read =
      ReadLatentFile(root + "/golden/flux2_coffee_600x400.safetensors", {});
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->messages[0].header.description.space, "flux2");
  EXPECT_EQ(read->messages[0].View()->extent, (Extent{50, 75}));
  EXPECT_EQ(read->messages[0].payload.size(), 32u * 50 * 75 * 2);

  read = ReadLatentFile(root + "/weights/taef2_decoder.safetensors", {});
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.status().message().find("these are weights"),
            std::string::npos);
  read = ReadLatentFile(root + "/golden/wan21_clip_ncthw.safetensors", {});
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->messages[0].View().ok());
}

}  // namespace
}  // namespace tae
