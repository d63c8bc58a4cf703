// Who makes room when all places are taken and another program connects.
#pragma once

#include <glib.h>

#include <optional>
#include <vector>

namespace taegst {

// What a connection did so far; times are g_get_monotonic_time().
struct ConnectionRecord {
  gint64 connected = 0;
  gint64 last_bytes = 0;   // as connected where none came
  gint64 last_latent = 0;  // as connected where none came
  bool sent_latent = false;
  bool finished = false;  // its last latent was a final one
};

// The time from which this connection may be closed for another one. Finished:
// at once. Silent from the start: after a second, and after ten where bytes
// dribble in that never become a latent. In the middle of a run: after five
// seconds without a byte, or thirty without a latent.
gint64 MayGoFrom(const ConnectionRecord& record);

// The first to go of those that may: who never sent a latent, then who
// finished, then the others, each time the one without a latent for the longest
// time. nullopt where all must be kept.
std::optional<size_t> WhoMakesRoom(const std::vector<ConnectionRecord>& records,
                                   gint64 now);

}  // namespace taegst
