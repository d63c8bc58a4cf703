// What latentsrc answers to seeks, and what it says of latents left out.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "common/latent_caps.h"

namespace taegst {

// Whether a seek is one that latentsrc carries out: forwards, in time, and
// counted from the end only where that is known.
bool CanSeek(GstEvent* seek, bool end_is_known);

// How long so many latents last: `count` there are, if that is known, and no
// more than num_buffers (-1: all) are shown.
std::optional<GstClockTime> DurationOf(std::optional<guint64> count,
                                       gint num_buffers,
                                       GstClockTime step_time);

// A QoS message of a live source: so many latents passed on, so many not.
GstMessage* DroppedMessage(GstObject* source, guint64 passed, guint64 dropped);

std::string CapsText(const LatentInfo& info);

}  // namespace taegst
