// latentparse: a stream or file of latents taken apart into video/x-latent.
#pragma once

#include <gst/base/gstbaseparse.h>

G_BEGIN_DECLS

#define GST_TYPE_LATENT_PARSE (gst_latent_parse_get_type())
G_DECLARE_FINAL_TYPE(GstLatentParse, gst_latent_parse, GST, LATENT_PARSE,
                     GstBaseParse)
GST_ELEMENT_REGISTER_DECLARE(latentparse)

G_END_DECLS
