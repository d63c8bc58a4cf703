// A message of the latent stream <-> what GStreamer says of its buffer: caps,
// the meta `latent-step`, tags. For every element that reads or writes streams.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "tae/latent_stream.h"
#include "tae/status.h"

namespace taegst {

// What the caps of a message say. The framerate is the
// message's fps, else 0/1. Errors: as tae::AsLatentView, and kUnsupported for a
// space that nobody here knows.
tae::StatusOr<LatentInfo> InfoOfMessage(const tae::LatentHeader& header);

LatentStep StepOfMessage(const tae::LatentHeader& header);

// Whether a latent is of another generation than the one before it: `gen`
// alone says so, and where there is none, a step that goes back.
bool IsOtherGeneration(const std::string& last_id,
                       const std::optional<guint>& last_step,
                       const LatentStep& step);

// A sentence about a message as it is posted: what a producer wrote into it may
// be megabytes.
std::string Brief(const std::string& sentence);

// What holds for a whole generation: GST_TAG_TITLE is its prompt. Never null.
GstPtr<GstTagList> TagsOfMessage(const tae::LatentHeader& header);

// The way back: all that the above know, as metadata.
tae::LatentMetadata MetadataOf(const LatentInfo& info, const LatentStep& step,
                               const std::string& prompt);

}  // namespace taegst
