// taedecode: latents in, raw video out.
#pragma once

#include <gst/video/gstvideodecoder.h>

G_BEGIN_DECLS

#define GST_TYPE_TAE_DECODE (gst_tae_decode_get_type())
G_DECLARE_FINAL_TYPE(GstTaeDecode, gst_tae_decode, GST, TAE_DECODE,
                     GstVideoDecoder)

GST_ELEMENT_REGISTER_DECLARE(taedecode)

G_END_DECLS
