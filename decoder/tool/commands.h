// The subcommands of `tae`. Each prints to standard output and returns an exit
// status: 0, or 1 when a check it was asked for did not hold.
#pragma once

#include <span>
#include <string>

#include "tae/status.h"

namespace tae::tool {

using Words = std::span<const std::string>;

StatusOr<int> Inspect(Words words);
StatusOr<int> Decode(Words words);
StatusOr<int> Validate(Words words);
StatusOr<int> ShowPlan(Words words);
StatusOr<int> ListVariants(Words words);
StatusOr<int> ShowLadder(Words words);
StatusOr<int> Bench(Words words);
StatusOr<int> Quantize(Words words);
StatusOr<int> Reuse(Words words);
StatusOr<int> Fit(Words words);
StatusOr<int> Doctor(Words words);

}  // namespace tae::tool
