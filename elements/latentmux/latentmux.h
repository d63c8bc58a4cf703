// latentmux: writes latents as a stream that latentparse and latentsrc read.
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_LATENT_MUX (gst_latent_mux_get_type())
G_DECLARE_FINAL_TYPE(GstLatentMux, gst_latent_mux, GST, LATENT_MUX,
                     GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE(latentmux)

G_END_DECLS
