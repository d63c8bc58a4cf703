#include "taedecode/decode_stats.h"

namespace taegst {

void DecodeStats::AddDecoded(GstClockTime took) {
  ++decoded;
  last_decode_time = took;
  total_decode_time += took;
}

void DecodeStats::AddRepeated(GstClockTime took) {
  ++repeated;
  total_repeat_time += took;
}

double DecodeStats::SpeedUp() const {
  const double spent = double(total_decode_time) + double(total_repeat_time);
  if (decoded == 0 || spent == 0) return 1;
  const double each = double(total_decode_time) / double(decoded);
  return each * double(decoded + repeated) / spent;
}

GstPtr<GstStructure> StatsStructure(const DecodeStats& stats) {
  const guint64 average =
      stats.decoded > 0 ? stats.total_decode_time / stats.decoded : 0;
  return GstPtr<GstStructure>(gst_structure_new(
      "taedecode-stats", "decoded", G_TYPE_UINT64, stats.decoded, "repeated",
      G_TYPE_UINT64, stats.repeated, "speed-up", G_TYPE_DOUBLE, stats.SpeedUp(),
      "rows-left-out", G_TYPE_UINT64, stats.rows_left_out, "skipped",
      G_TYPE_UINT64, stats.skipped, "dropped", G_TYPE_UINT64, stats.dropped,
      "corrupted", G_TYPE_UINT64, stats.corrupted, "refined", G_TYPE_UINT64,
      stats.refined, "refused", G_TYPE_UINT64, stats.refused, "cancelled",
      G_TYPE_UINT64, stats.cancelled, "last-decode-time", G_TYPE_UINT64,
      stats.last_decode_time, "average-decode-time", G_TYPE_UINT64, average,
      "variant", G_TYPE_STRING, stats.variant.c_str(), "method", G_TYPE_STRING,
      stats.method.c_str(), "weights", G_TYPE_STRING, stats.weights.c_str(),
      "rung", G_TYPE_STRING, stats.rung.c_str(), "denoise", G_TYPE_STRING,
      stats.denoise.c_str(), nullptr));
}

std::optional<GstClockTime> LatencyEstimate::Add(GstClockTime took) {
  average_ = average_ == 0 ? took : (3 * average_ + took) / 4;
  if (reported_ != 0 && average_ <= reported_ + reported_ / 4)
    return std::nullopt;
  constexpr GstClockTime kGrain = 5 * GST_MSECOND;
  reported_ = (average_ / kGrain + 1) * kGrain;
  return reported_;
}

}  // namespace taegst
