// Latents in NumPy's .npz: numpy.savez, and the caches that sd-scripts writes
// beside the pictures it trains on.
#pragma once

#include <string>

#include "io/file_bytes.h"
#include "tae/latent_stream.h"

namespace tae {

// The arrays "x0", "latent", "latents", "samples" and "latents_64x48", in
// natural order; else the only one that can be a latent. A note names those
// that were passed over. Of a cache of sd-scripts ("latents...") the numbers
// are the VAE's, those of FLUX.1 and Lumina the sampler's; the ending of the
// file's name ("_sdxl.npz") says the space.
// Errors: kDataLoss, kUnsupported, kInvalidArgument (over a limit).
StatusOr<LatentFile> ParseNpz(const FileBytes& file,
                              const LatentLimits& limits);

}  // namespace tae
