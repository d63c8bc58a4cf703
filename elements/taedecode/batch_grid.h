// Which latents of a batch are shown, and where in the picture.
#pragma once

#include <string>
#include <string_view>

#include "tae/status.h"

namespace taegst {

// What the property `batch` says: kBatchGrid, or the number of one latent.
inline constexpr int kBatchGrid = -1;

// Cells of one size, filled row by row.
struct GridShape {
  int columns = 1;
  int rows = 1;
  int first = 0;  // latent of the batch that the first cell shows
  int count = 1;  // latents that are shown
  int cells() const { return columns * rows; }
  friend bool operator==(const GridShape&, const GridShape&) = default;
};

// Of a batch with one latent or more. A grid has ceil(sqrt(batch)) columns; of
// a number that the batch has not got, the last latent is shown.
GridShape GridOf(int choice, int batch);

// "grid", "first" or a number from 0. kInvalidArgument for anything else.
tae::StatusOr<int> ParseBatch(std::string_view text);

}  // namespace taegst
