// latentinterpolate: latents between the steps, at a constant rate.
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_LATENT_INTERPOLATE (gst_latent_interpolate_get_type())
G_DECLARE_FINAL_TYPE(GstLatentInterpolate, gst_latent_interpolate, GST,
                     LATENT_INTERPOLATE, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE(latentinterpolate)

G_END_DECLS
