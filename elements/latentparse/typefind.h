// How GStreamer recognises files of tensors: application/x-safetensors and
// application/x-npy.
#pragma once

#include <gst/gst.h>

namespace taegst {

// Weights are safetensors too and are found as such: latentparse tells them
// from latents and says what they are.
gboolean RegisterTypefinders(GstPlugin* plugin);

}  // namespace taegst
