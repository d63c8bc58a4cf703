// A view's layout as the stream writes it: the shape of the tensor and the
// metadata that say how to read it back.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tae/latent_stream.h"
#include "tae/types.h"

namespace tae {

// As streams and caps write it: "nchw", "packed"...
std::string_view NameOf(LatentLayout layout);

// The tensor's shape, batch 1: [1, C, H, W], [1, H, W, C], [1, h*w, 4C] or
// [1, 4C, h, w].
std::vector<int64_t> DimsOf(const LatentView& latent);

// Whether the channels are the innermost dimension.
bool ChannelsLast(LatentLayout layout);

// Sets layout and domain, and where a reader could not know them from the shape
// and the metadata lacks them, width and height.
void DescribeView(const LatentView& latent, LatentMetadata* metadata);

}  // namespace tae
