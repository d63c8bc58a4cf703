// Where the messages of a stream begin, for seeking and for the duration.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <vector>

#include "tae/latent_stream.h"

namespace taegst {

// Offsets of successive messages from the stream's first on. Not thread-safe.
class MessageIndex {
 public:
  // More are not remembered: a bound on what a hostile file costs.
  static constexpr size_t kMaxMessages = size_t{1} << 20;

  // A message lies in [begin, end). Those that do not follow on the last one
  // known are passed over.
  void Add(guint64 begin, guint64 end);

  size_t count() const { return begins_.size(); }
  guint64 end() const { return end_; }  // of the last message known

  // Offset of a message; of the last one known where `number` is beyond.
  guint64 BeginOf(size_t number) const;

  // The number of the message that begins at `offset`.
  std::optional<size_t> NumberAt(guint64 offset) const;

  // The number of messages before `offset`, beyond the last known one guessed
  // from the mean size; 0 where none is known.
  guint64 CountBefore(guint64 offset) const;

  // The first message that begins after `offset`.
  std::optional<guint64> NextBegin(guint64 offset) const;

 private:
  std::vector<guint64> begins_;
  guint64 end_ = 0;
};

// Reads header after header of a file of `size` bytes through a pad in pull
// mode, up to the first that is damaged or incomplete. No payload is read.
MessageIndex ScanMessages(GstPad* pad, guint64 size,
                          const tae::LatentLimits& limits);

}  // namespace taegst
