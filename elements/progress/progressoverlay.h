// progressoverlay: how far a generation is, drawn over its pictures.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PROGRESS_OVERLAY (gst_progress_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstProgressOverlay, gst_progress_overlay, GST,
                     PROGRESS_OVERLAY, GstBin)
GST_ELEMENT_REGISTER_DECLARE(progressoverlay)

G_END_DECLS
