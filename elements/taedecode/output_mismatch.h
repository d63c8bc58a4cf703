// What to say where downstream takes none of the frames that are offered.
#pragma once

#include <gst/video/video.h>

#include <string>
#include <vector>

#include "taedecode/output_size.h"

namespace taegst {

// A sentence: what is offered, what downstream takes, which element put between
// would help. `peer`: downstream's caps.
std::string DescribeMismatch(const GstCaps* peer,
                             const std::vector<OutputSize>& sizes,
                             const GstVideoInfo& input);

}  // namespace taegst
