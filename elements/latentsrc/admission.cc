#include "latentsrc/admission.h"

#include <algorithm>
#include <tuple>

namespace taegst {
namespace {

constexpr gint64 kSecond = G_USEC_PER_SEC;

std::tuple<int, gint64> Rank(const ConnectionRecord& record) {
  const int kind = !record.sent_latent ? 0 : record.finished ? 1 : 2;
  return {kind, record.last_latent};
}

}  // namespace

gint64 MayGoFrom(const ConnectionRecord& record) {
  if (record.sent_latent && record.finished) return record.last_latent;
  const gint64 silence = record.sent_latent ? 5 * kSecond : kSecond;
  const gint64 patience = record.sent_latent ? 30 * kSecond : 10 * kSecond;
  return std::min(record.last_bytes + silence, record.last_latent + patience);
}

std::optional<size_t> WhoMakesRoom(const std::vector<ConnectionRecord>& records,
                                   gint64 now) {
  std::optional<size_t> first;
  for (size_t i = 0; i < records.size(); ++i) {
    if (MayGoFrom(records[i]) > now) continue;
    if (!first || Rank(records[i]) < Rank(records[*first])) first = i;
  }
  return first;
}

}  // namespace taegst
