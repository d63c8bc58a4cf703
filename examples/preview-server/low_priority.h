// Work that somebody waits for, behind a generation that goes on meanwhile and
// its pictures.
#pragma once

#include <gst/gst.h>
#include <sys/resource.h>

namespace preview {

// The calling thread, and those that it begins from here on.
inline void LowerPriority() {
  constexpr int kNiceness = 19;
  setpriority(PRIO_PROCESS, 0, kNiceness);
}

// A sync handler of a bus: each thread of the pipeline as it begins; encoders'
// and decoders' own threads inherit it.
inline GstBusSyncReply LowerPriorityOfThreads(GstBus*, GstMessage* message,
                                              gpointer) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_STREAM_STATUS)
    return GST_BUS_PASS;
  GstStreamStatusType type;
  gst_message_parse_stream_status(message, &type, nullptr);
  if (type == GST_STREAM_STATUS_TYPE_ENTER) LowerPriority();
  gst_message_unref(message);
  return GST_BUS_DROP;
}

}  // namespace preview
