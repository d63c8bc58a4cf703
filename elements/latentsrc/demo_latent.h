// Clean latents for the demo: pictures drawn by demo/make_demo.py for flux2, a
// synthetic one for every other space with a linear table.
#pragma once

#include <string_view>
#include <vector>

#include "tae/status.h"
#include "tae/types.h"

namespace taegst {

// [C][H][W] floats of picture `index` (any number, they repeat) at this size.
// Errors: kUnsupported when the space has no linear table.
tae::StatusOr<std::vector<float>> DemoLatent(std::string_view variant,
                                             unsigned index,
                                             tae::Extent extent);

}  // namespace taegst
