#include "latentsrc/newest_slot.h"

#include <utility>

namespace taegst {
namespace {

// Pictures that nobody fetched: more generations than anyone looks back at.
constexpr size_t kMostFinals = 16;

}  // namespace

void NewestSlot::Put(SuppliedLatent latent) {
  {
    std::lock_guard lock(mutex_);
    ++counts_.received;
    if (!waiting_.empty() && !waiting_.back().step.final) {
      waiting_.pop_back();
      ++counts_.dropped;
    }
    // All that wait now are final: only another one takes the oldest's place.
    if (latent.step.final && waiting_.size() == kMostFinals) {
      waiting_.pop_front();
      ++counts_.dropped;
    }
    waiting_.push_back(std::move(latent));
  }
  changed_.notify_one();
}

void NewestSlot::End() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
}

Supplied NewestSlot::Take(SuppliedLatent* latent) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return flushing_ || ended_ || !waiting_.empty(); });
  if (flushing_) return Supplied::kFlushing;
  if (waiting_.empty()) return Supplied::kEnd;
  *latent = std::move(waiting_.front());
  waiting_.pop_front();
  return Supplied::kLatent;
}

void NewestSlot::SetFlushing(bool flushing) {
  {
    std::lock_guard lock(mutex_);
    flushing_ = flushing;
  }
  changed_.notify_one();
}

NewestSlot::Counts NewestSlot::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace taegst
