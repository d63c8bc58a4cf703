// The grid of tiles that each step of a plan is computed on: which rows a tile
// row writes, and which rows of its inputs it reads. All of them: the kernels
// transform and scale a tile as a whole, so that in its last bits each of its
// rows depends on every row that is read.
#pragma once

#include <vector>

#include "plan/plan.h"

namespace tae {

struct RowRange {
  int begin = 0;
  int end = 0;
};

// Tile row t writes kTile rows from kTile * t - Shift() on, as far as they lie
// in the plane. (Shuffling, rows of the input are meant.) Where rows can be
// left out, the grids of successive convolutions are half a tile apart: then
// what a changed row reaches grows by two rows each way with each of them; on
// one grid it would by four, for a tile that was reached in its last row
// reaches all of the next.
class TileRows {
 public:
  explicit TileRows(const Plan& plan);

  int Count(int step) const { return grids_[step].rows; }
  int Columns(int step) const { return grids_[step].columns; }  // tiles
  int Shift(int step) const { return grids_[step].shift; }

  // Rows of the output that tile row t writes; of the frame where there is no
  // output tensor.
  RowRange Written(int step, int t) const;
  // Rows of `tensor`, the step's input or its skip, that tile row t reads.
  RowRange Read(int step, int tensor, int t) const;

 private:
  struct Grid {
    StepKind kind = StepKind::kLoad;
    int input = kNoTensor;
    int shift = 0;
    int rows = 0;
    int columns = 0;
    int scale = 1;   // rows written for one of the grid
    int height = 0;  // of what is written
  };

  std::vector<Grid> grids_;   // of each step
  std::vector<int> heights_;  // of each tensor
};

}  // namespace tae
