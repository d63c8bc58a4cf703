// Clean latents for the demo: pictures drawn by demo/make_demo.py for flux2,
// plain drawings for every other space with a linear table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tae/status.h"
#include "tae/types.h"

namespace taegst {

// The pictures, in the order of the file that make_demo.py writes; kCycle is
// another one each generation.
enum class DemoPattern { kCycle = 0, kLandscape = 1, kStillLife = 2 };
inline constexpr int kDemoPictures = 2;

bool HasDemoLatent(std::string_view variant);

// [C][H][W] floats of this generation's picture at this size.
// Errors: kUnsupported when the space has no linear table.
tae::StatusOr<std::vector<float>> DemoLatent(std::string_view variant,
                                             DemoPattern pattern,
                                             uint64_t generation,
                                             tae::Extent extent);

}  // namespace taegst
