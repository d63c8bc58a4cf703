#include "exec/row_selection.h"

#include <algorithm>

namespace tae {
namespace {

void Mark(std::vector<uint8_t>* mask, RowRange rows) {
  std::fill(mask->begin() + rows.begin, mask->begin() + rows.end, 1);
}

bool AnyOf(const std::vector<uint8_t>& mask, RowRange rows) {
  return std::any_of(mask.begin() + rows.begin, mask.begin() + rows.end,
                     [](uint8_t row) { return row != 0; });
}

void Clear(std::vector<std::vector<uint8_t>>* masks) {
  for (auto& mask : *masks) std::fill(mask.begin(), mask.end(), 0);
}

}  // namespace

RowSelection::RowSelection(const Plan& plan, const TileRows& tiles)
    : plan_(plan), tiles_(tiles) {
  for (const Tensor& tensor : plan.tensors)
    changed_.emplace_back(tensor.extent.height);
  changed_.emplace_back(plan.frame.height);
  needed_ = changed_;
  for (int step = 0; step < static_cast<int>(plan.steps.size()); ++step)
    tasks_.emplace_back(tiles.Count(step), uint8_t{1});
}

RowSelection::Mask& RowSelection::OutputOf(std::vector<Mask>* masks, int step) {
  const int output = plan_.steps[step].output;
  return output == kNoTensor ? masks->back() : (*masks)[output];
}

void RowSelection::MarkChanged(int step) {
  for (int t = 0; t < tiles_.Count(step); ++t)
    for (int tensor :
         {plan_.steps[step].input, plan_.steps[step].epilogue.skip})
      if (tensor != kNoTensor &&
          AnyOf(changed_[tensor], tiles_.Read(step, tensor, t)))
        Mark(&OutputOf(&changed_, step), tiles_.Written(step, t));
}

void RowSelection::MarkNeeded(int step) {
  for (int t = 0; t < tiles_.Count(step); ++t) {
    tasks_[step][t] =
        AnyOf(OutputOf(&needed_, step), tiles_.Written(step, t)) ? 1 : 0;
    if (tasks_[step][t] == 0) continue;
    for (int tensor :
         {plan_.steps[step].input, plan_.steps[step].epilogue.skip})
      if (tensor != kNoTensor)
        Mark(&needed_[tensor], tiles_.Read(step, tensor, t));
  }
}

int RowSelection::Select(std::span<const uint8_t> changed) noexcept {
  const int steps = static_cast<int>(plan_.steps.size());
  Clear(&changed_);
  Clear(&needed_);
  // The first step loads each row by itself.
  std::copy(changed.begin(), changed.end(), OutputOf(&changed_, 0).begin());
  for (int step = 1; step < steps; ++step) MarkChanged(step);
  needed_.back() = changed_.back();
  for (int step = steps - 1; step >= 0; --step) MarkNeeded(step);
  return static_cast<int>(
      std::count(changed_.back().begin(), changed_.back().end(), 0));
}

}  // namespace tae
