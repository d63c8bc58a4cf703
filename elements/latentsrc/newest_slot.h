// What a slow reader gets of a fast writer: the newest latent, and every final
// one, but no more than the last 16 of these. The writer never waits.
#pragma once

#include <glib.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "latentsrc/latent_supply.h"

namespace taegst {

class NewestSlot {
 public:
  struct Counts {
    guint64 received = 0;
    guint64 dropped = 0;
  };

  // Takes the place of a latent that is not final and still waits.
  void Put(SuppliedLatent latent);
  // No more will be put.
  void End();
  // Waits. kFlushing while flushing is set; kEnd after End, when empty.
  Supplied Take(SuppliedLatent* latent);
  void SetFlushing(bool flushing);
  Counts counts() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SuppliedLatent> waiting_;  // finals, then at most one other
  Counts counts_;
  bool ended_ = false;
  bool flushing_ = false;
};

}  // namespace taegst
