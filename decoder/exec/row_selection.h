// Which row tasks of a plan must run again when only some rows of the latent
// changed. Forward through the steps: whatever a tile row with a changed row
// among those that it reads writes has changed too (tile_rows.h). Backward: to
// make the rows of the frame that changed, all that they are made from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/tile_rows.h"
#include "plan/plan.h"

namespace tae {

class RowSelection {
 public:
  // Of a plan without a barrier.
  RowSelection(const Plan& plan, const TileRows& tiles);

  // changed[y] is not 0 where row y of the latent changed, y < its height.
  // Returns the number of rows of the frame that cannot have changed. Allocates
  // nothing.
  int Select(std::span<const uint8_t> changed) noexcept;

  // Whether tile row t of a step must run; before the first Select: all.
  bool Has(int step, int t) const { return tasks_[step][t] != 0; }

 private:
  using Mask = std::vector<uint8_t>;  // of rows or tile rows, not 0 = in it

  void MarkChanged(int step);
  void MarkNeeded(int step);
  Mask& OutputOf(std::vector<Mask>* masks, int step);

  const Plan& plan_;
  const TileRows& tiles_;
  std::vector<Mask> changed_;  // of each tensor, the frame last
  std::vector<Mask> needed_;   // as changed_
  std::vector<Mask> tasks_;    // of each step
};

}  // namespace tae
