// Latents between the thread that reads what programs send and the streaming
// thread. Either the newest is what counts, and every final one, but no more
// than the last 16 of these; or every latent counts.
#pragma once

#include <glib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "latentsrc/latent_supply.h"

namespace taegst {

class LatentQueue {
 public:
  struct Counts {
    guint64 received = 0;
    guint64 dropped = 0;
    guint64 waiting = 0;
  };

  // keep_bytes: 0 where the newest latent counts; else every latent is kept,
  // and full() says that those which wait take so many bytes. on_room is called
  // by the taking thread when it no longer is.
  explicit LatentQueue(guint64 keep_bytes = 0,
                       std::function<void()> on_room = {})
      : keep_bytes_(keep_bytes), on_room_(std::move(on_room)) {}

  // Never waits. Takes the place of a latent that is not final and still waits,
  // unless every latent is kept.
  void Put(SuppliedLatent latent);
  bool full() const;
  // No more will be put.
  void End();
  // Waits. kFlushing while flushing is set; kEnd after End, when empty.
  Supplied Take(SuppliedLatent* latent);
  void SetFlushing(bool flushing);
  Counts counts() const;

 private:
  void MakeRoom(const SuppliedLatent& latent);

  const guint64 keep_bytes_;
  const std::function<void()> on_room_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SuppliedLatent>
      waiting_;        // newest: finals, then at most one other
  guint64 bytes_ = 0;  // of those that wait
  Counts counts_;
  bool ended_ = false;
  bool flushing_ = false;
};

}  // namespace taegst
