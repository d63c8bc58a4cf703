#include "exec/tile_rows.h"

#include <algorithm>

#include "kernels/kernel_table.h"

namespace tae {
namespace {

int CeilDiv(int a, int b) { return (a + b - 1) / b; }

RowRange Clip(RowRange range, int height) {
  return {std::max(range.begin, 0), std::min(range.end, height)};
}

}  // namespace

TileRows::TileRows(const Plan& plan) {
  for (const Tensor& tensor : plan.tensors)
    heights_.push_back(tensor.extent.height);
  constexpr int kHalfTile = kTile / 2;
  const bool stagger = !plan.has_barrier();
  std::vector<int> shifts(plan.tensors.size());  // of what writes each tensor
  for (const Step& step : plan.steps) {
    const Extent written = step.output == kNoTensor
                               ? plan.frame
                               : plan.tensors[step.output].extent;
    Grid grid{.kind = step.kind, .input = step.input, .height = written.height};
    Extent tiled = written;
    if (step.kind == StepKind::kShuffle) {
      tiled = plan.tensors[step.input].extent;
      grid.scale = plan.frame.height / tiled.height;
    }
    // The kernel's tile: its inputs lie around the second output row.
    if (step.kind == StepKind::kUpConv) grid.shift = 1;
    if (step.kind == StepKind::kConv && stagger)
      grid.shift = shifts[step.input] == kHalfTile ? 0 : kHalfTile;
    if (step.output != kNoTensor) shifts[step.output] = grid.shift;
    const int right = step.kind == StepKind::kUpConv ? 1 : 0;
    grid.rows = CeilDiv(tiled.height + grid.shift, kTile);
    grid.columns = CeilDiv(tiled.width + right, kTile);
    grids_.push_back(grid);
  }
}

RowRange TileRows::Written(int step, int t) const {
  const Grid& grid = grids_[step];
  const int first = (kTile * t - grid.shift) * grid.scale;
  return Clip({first, first + kTile * grid.scale}, grid.height);
}

RowRange TileRows::Read(int step, int tensor, int t) const {
  const Grid& grid = grids_[step];
  const int first = kTile * t - grid.shift;
  RowRange range{first - 1, first + kTile + 1};
  if (grid.kind == StepKind::kUpConv)
    range = {2 * t - 1, 2 * t + 2};
  else if (grid.kind == StepKind::kPool || grid.kind == StepKind::kShuffle ||
           tensor != grid.input)
    range = {first, first + kTile};
  return Clip(range, heights_[tensor]);
}

}  // namespace tae
