#include "archive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/temp_folder.h"

namespace preview {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDate = 1700000000;

class ArchiveTest : public testing::Test {
 protected:
  Archive Open(uint64_t most_bytes) {
    auto archive = Archive::Open(folder(), most_bytes);
    EXPECT_TRUE(archive.ok()) << archive.status().message();
    return *std::move(archive);
  }
  std::string folder() const { return temp_.path() + "/a/b"; }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder()))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(folder() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  tae::TempFolder temp_;
};

TEST_F(ArchiveTest, AFileForEachGenerationInOrder) {
  Archive archive = Open(1000);
  ASSERT_TRUE(archive.Append(kDate, 1, CopyBytes("one")).ok());
  ASSERT_TRUE(archive.Append(kDate + 5, 2, CopyBytes("other")).ok());
  ASSERT_TRUE(archive.Append(kDate, 1, CopyBytes("two")).ok());
  const auto files = Files();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(Read(files[0]), "onetwo");
  EXPECT_EQ(Read(files[1]), "other");
}

TEST_F(ArchiveTest, OldestFilesGoAndThoseOfOthersStay) {
  Archive archive = Open(100);
  for (const char* name : {"mine.safetensors", "20260101-000000-x.safetensors",
                           "20260101-000000-1.npy"})
    std::ofstream(folder() + "/" + name) << std::string(500, 'm');
  for (uint64_t id = 1; id <= 5; ++id)
    ASSERT_TRUE(archive
                    .Append(kDate + int64_t(id), id,
                            CopyBytes(std::string(40, char('0' + id))))
                    .ok());
  std::string all;
  size_t foreign = 0;
  for (const std::string& name : Files()) {
    const std::string text = Read(name);
    if (text[0] == 'm')
      ++foreign;
    else
      all += text[0];
  }
  EXPECT_EQ(foreign, 3u);
  EXPECT_EQ(all, "45");
}

TEST_F(ArchiveTest, OneGenerationCannotTakeMoreThanAll) {
  Archive archive = Open(100);
  ASSERT_TRUE(archive.Append(kDate, 1, CopyBytes(std::string(90, 'x'))).ok());
  const tae::Status status =
      archive.Append(kDate, 1, CopyBytes(std::string(20, 'y')));
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("--max-disk"), std::string::npos);
  EXPECT_EQ(Read(Files()[0]), std::string(90, 'x'));
}

TEST_F(ArchiveTest, ALinkIsNotFollowed) {
  Archive archive = Open(1000);
  ASSERT_TRUE(archive.Append(kDate, 1, CopyBytes("x")).ok());
  const std::string name = Files()[0];
  const std::string target = temp_.path() + "/target";
  std::ofstream(target) << "safe";
  fs::remove(folder() + "/" + name);
  fs::create_symlink(target, folder() + "/" + name);
  EXPECT_FALSE(archive.Append(kDate, 1, CopyBytes("y")).ok());
  EXPECT_EQ(fs::file_size(target), 4u);
}

TEST(Archive, AFolderThatCannotBe) {
  const auto archive = Archive::Open("/proc/none/such", 1000);
  ASSERT_FALSE(archive.ok());
  EXPECT_NE(archive.status().message().find("--keep"), std::string::npos);
}

}  // namespace
}  // namespace preview
