// How large the picture of a latent is when all of it is decoded.
#pragma once

#include "stored_latent.h"
#include "tae/latent_stream.h"
#include "tae/status.h"

namespace preview {

struct PictureSize {
  int width = 0;  // pixels
  int height = 0;
};

// Errors: as taegst::InfoOfMessage.
tae::StatusOr<PictureSize> SizeOfHeader(const tae::LatentHeader& header);

// Errors: that, and those of reading it.
tae::StatusOr<PictureSize> SizeOfLatent(const StoredLatent& latent);

}  // namespace preview
