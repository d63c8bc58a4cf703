// The picture of a latent that a file holds, in floats, for comparisons.
#pragma once

#include <string>
#include <vector>

#include "tae/decoder.h"
#include "tae/latent_stream.h"
#include "tool/arguments.h"
#include "tool/open_model.h"

namespace tae::tool {

// The model that --variant, --model and --method ask for, else what the latent
// says of itself, as golden cases do: space and weights (a file beside `path`).
StatusOr<ModelRequest> RequestFor(const LatentView& latent,
                                  const LatentMessage& message,
                                  const std::string& path,
                                  const Arguments& arguments);

// [3][height][width], 0..1. Prepares the decoder where its plan is another.
StatusOr<std::vector<float>> Picture(Decoder& decoder,
                                     const LatentView& latent);

}  // namespace tae::tool
