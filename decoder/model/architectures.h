// Architectures as tables of layers. A network of layers that exist already is
// added here.
#pragma once

#include <string_view>

#include "model/model_spec.h"

namespace tae {

// The 8x tiny autoencoder's decoder, latent_channels in 1..64: taesd, taesdxl,
// taesd3, taef1, taef2 (with_pool). Upstream's Sequential, index for index.
// Source: madebyollin/taesd, taesd.py.
ModelSpec TaesdSpec(int latent_channels, bool with_pool);

// What this project distils: as the above to the end of stage 1 with two blocks
// with pool, then one upsampling and 4x4 pixels a pixel. decoder/models/.
ModelSpec BuiltinSpec(int latent_channels);

// One layer, latent -> RGB: each latent pixel, or its 3x3 surroundings (taps
// 9), gives colours x colours squares of pixels.
ModelSpec LinearSpec(int latent_channels, int pixels_per_latent, int taps = 1,
                     int colours = 1);

}  // namespace tae
