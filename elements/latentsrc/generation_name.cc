#include "latentsrc/generation_name.h"

namespace taegst {

void GenerationName::Set(const std::string& prompt, LatentStep* step) {
  if (!step->prompt_id.empty()) return;
  const bool goes_back = step->step && last_step_ && *step->step < *last_step_;
  const bool goes_on = !prompt.empty() && prompt == prompt_ && !last_final_;
  if (goes_back && !goes_on) ++number_;
  step->prompt_id = connection_;
  if (number_ > 1) step->prompt_id += "." + std::to_string(number_);
  last_step_ = step->step;
  last_final_ = step->final;
  prompt_ = prompt;
}

}  // namespace taegst
