#include "tae/changed_rows.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <new>
#include <string>

#include "base/checked_math.h"

namespace tae {
namespace {

// Rows that lie together in memory: run i of group g begins at byte
// g * run_bytes + i * run_step.
struct RowGroups {
  int rows = 1;  // of a group
  size_t runs = 1;
  size_t run_bytes = 0;
  size_t run_step = 0;
};

RowGroups GroupsOf(const LatentView& latent) {
  const size_t row = SizeOf(latent.dtype) * size_t(latent.extent.width);
  const size_t channels = latent.channels;
  const size_t height = latent.extent.height;
  switch (latent.layout) {
    case LatentLayout::kNchw:
      return {.runs = channels, .run_bytes = row, .run_step = row * height};
    case LatentLayout::kNhwc:
      return {.run_bytes = row * channels};
    case LatentLayout::kPacked:
    case LatentLayout::kPackedIdeogram4:
      return {.rows = 2, .run_bytes = 2 * row * channels};
    case LatentLayout::kPackedNchw:
      // A plane of one of four pixels: half as wide and as high.
      return {.rows = 2,
              .runs = 4 * channels,
              .run_bytes = row / 2,
              .run_step = row / 2 * (height / 2)};
  }
  return {};
}

Status CheckSize(const LatentView& latent, int rows_of_group) {
  const Extent extent = latent.extent;
  const auto expected = CheckedProduct(std::initializer_list<int64_t>{
      latent.channels, extent.height, extent.width,
      int64_t(SizeOf(latent.dtype))});
  if (latent.data != nullptr && expected && *expected > 0 &&
      latent.size == *expected && extent.height % rows_of_group == 0 &&
      extent.width % rows_of_group == 0)
    return {};
  return InvalidArgument(
      "changed rows: a latent of " + std::to_string(latent.channels) + "x" +
      std::to_string(extent.height) + "x" + std::to_string(extent.width) +
      " cannot have " + std::to_string(latent.size) + " bytes");
}

// Copies what differs; whether anything did.
bool Replace(uint8_t* kept, const uint8_t* now, size_t bytes) {
  if (std::memcmp(kept, now, bytes) == 0) return false;
  std::memcpy(kept, now, bytes);
  return true;
}

}  // namespace

bool ChangedRows::IsAlike(const LatentView& latent) const {
  return !before_.empty() && latent.dtype == shape_.dtype &&
         latent.layout == shape_.layout && latent.domain == shape_.domain &&
         latent.channels == shape_.channels && latent.extent == shape_.extent;
}

Status ChangedRows::KeepFirst(const LatentView& latent) {
  const auto* data = static_cast<const uint8_t*>(latent.data);
  try {
    before_.assign(data, data + latent.size);
    rows_.assign(latent.extent.height, 1);
  } catch (const std::bad_alloc&) {
    Forget();
    return OutOfMemory("changed rows: no memory for " +
                       std::to_string(latent.size) + " bytes");
  }
  shape_ = latent;
  shape_.data = nullptr;
  return {};
}

Status ChangedRows::Update(const LatentView& latent) {
  const RowGroups groups = GroupsOf(latent);
  if (Status status = CheckSize(latent, groups.rows); !status.ok()) {
    Forget();
    return status;
  }
  if (!IsAlike(latent)) return KeepFirst(latent);
  const auto* now = static_cast<const uint8_t*>(latent.data);
  std::fill(rows_.begin(), rows_.end(), 0);
  const size_t count = rows_.size() / groups.rows;
  for (size_t run = 0; run < groups.runs; ++run)
    for (size_t group = 0; group < count; ++group) {
      const size_t at = group * groups.run_bytes + run * groups.run_step;
      if (Replace(&before_[at], now + at, groups.run_bytes))
        std::fill_n(rows_.begin() + group * groups.rows, groups.rows, 1);
    }
  return {};
}

}  // namespace tae
