#include "taedecode/batch_grid.h"

#include <algorithm>
#include <charconv>

#include "common/latent_caps.h"

namespace taegst {

GridShape GridOf(int choice, int batch) {
  if (choice != kBatchGrid) return {.first = std::min(choice, batch - 1)};
  int columns = 1;
  while (columns * columns < batch) ++columns;
  return {.columns = columns,
          .rows = (batch + columns - 1) / columns,
          .count = batch};
}

tae::StatusOr<int> ParseBatch(std::string_view text) {
  if (text == "grid") return kBatchGrid;
  if (text == "first") return 0;
  int number = -1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0 &&
      number < kMaxBatch)
    return number;
  return tae::InvalidArgument("batch=" + std::string(text) +
                              " is not grid, first, or the number of a latent "
                              "from 0 to " +
                              std::to_string(kMaxBatch - 1));
}

}  // namespace taegst
