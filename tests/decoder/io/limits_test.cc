// Limits of SECURITY.md that no other test tries.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/file_bytes.h"
#include "support/temp_folder.h"
#include "tae/decoder.h"
#include "tae/latent_stream.h"

namespace tae {
namespace {

// A hole on the disk, which would take a gibibyte of memory.
TEST(Limits, AWeightsFileOverItsLimitIsRefusedUnread) {
  const TempFolder folder;
  const std::string path = folder.Write("w.safetensors", {0});
  std::filesystem::resize_file(path, kMaxFileBytes + 1);
  const auto model = LoadModel(path, {});
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.status().message().find("w.safetensors"), std::string::npos);
  EXPECT_NE(model.status().message().find(std::to_string(kMaxFileBytes + 1)),
            std::string::npos)
      << model.status().message();
}

TEST(Limits, ShapesOverTheirLimitsAreRefused) {
  const auto view = [](std::vector<int64_t> dims) {
    LatentHeader header;
    header.payload_size = sizeof(uint16_t);
    for (const int64_t dim : dims) header.payload_size *= uint64_t(dim);
    header.dims = std::move(dims);
    return AsLatentView(header, nullptr).status();
  };
  EXPECT_TRUE(view({1, 16, 8, 8}).ok());
  EXPECT_TRUE(view({1, 16, 32768, 1}).ok());
  EXPECT_FALSE(view({1, 16, 32769, 1}).ok());
  EXPECT_FALSE(view({1, 16, 1, 32769}).ok());
  EXPECT_FALSE(view({1, 1025, 2049, 2049}).ok());  // no axis is channels
}

}  // namespace
}  // namespace tae
