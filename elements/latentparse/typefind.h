// How GStreamer recognises files of tensors: application/x-safetensors and
// application/x-npy.
#pragma once

#include <gst/gst.h>

namespace taegst {

// Weights are safetensors too and are found as such: latentparse tells them
// from latents and says what they are. Arrays are found only where they may be
// latents, by type and number of dimensions.
gboolean RegisterTypefinders(GstPlugin* plugin);

}  // namespace taegst
