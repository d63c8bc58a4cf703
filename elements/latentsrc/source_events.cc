#include "latentsrc/source_events.h"

#include <algorithm>

namespace taegst {

bool CanSeek(GstEvent* seek, bool end_is_known) {
  gdouble rate = 0;
  GstFormat format = GST_FORMAT_UNDEFINED;
  GstSeekType start = GST_SEEK_TYPE_NONE, stop = GST_SEEK_TYPE_NONE;
  gst_event_parse_seek(seek, &rate, &format, nullptr, &start, nullptr, &stop,
                       nullptr);
  const bool from_end = start == GST_SEEK_TYPE_END || stop == GST_SEEK_TYPE_END;
  return rate > 0 && format == GST_FORMAT_TIME && (end_is_known || !from_end);
}

std::optional<GstClockTime> DurationOf(std::optional<guint64> count,
                                       gint num_buffers,
                                       GstClockTime step_time) {
  if (num_buffers >= 0)
    count =
        std::min<guint64>(count.value_or(G_MAXUINT64), guint64(num_buffers));
  if (!count) return std::nullopt;
  return *count * step_time;
}

GstMessage* DroppedMessage(GstObject* source, guint64 passed, guint64 dropped) {
  GstMessage* message = gst_message_new_qos(
      source, TRUE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE,
      GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE);
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, passed, dropped);
  return message;
}

std::string CapsText(const LatentInfo& info) {
  const GstPtr<GstCaps> caps = LatentInfoToCaps(info);
  const GstPtr<char> text(gst_caps_to_string(caps.get()));
  return text.get();
}

}  // namespace taegst
