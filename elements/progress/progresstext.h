// progresstext: how far a generation is, as a stream of text.
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_PROGRESS_TEXT (gst_progress_text_get_type())
G_DECLARE_FINAL_TYPE(GstProgressText, gst_progress_text, GST, PROGRESS_TEXT,
                     GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE(progresstext)

G_END_DECLS
