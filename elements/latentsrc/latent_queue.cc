#include "latentsrc/latent_queue.h"

#include <utility>

namespace taegst {
namespace {

// Pictures that nobody fetched: more generations than anyone looks back at.
constexpr size_t kMostFinals = 16;

}  // namespace

void LatentQueue::MakeRoom(const SuppliedLatent& latent) {
  if (!waiting_.empty() && !waiting_.back().step.final) {
    bytes_ -= waiting_.back().bytes;
    waiting_.pop_back();
    ++counts_.dropped;
  }
  // All that wait now are final: only another one takes the oldest's place.
  if (latent.step.final && waiting_.size() == kMostFinals) {
    bytes_ -= waiting_.front().bytes;
    waiting_.pop_front();
    ++counts_.dropped;
  }
}

void LatentQueue::Put(SuppliedLatent latent) {
  {
    std::lock_guard lock(mutex_);
    ++counts_.received;
    if (keep_bytes_ == 0) MakeRoom(latent);
    bytes_ += latent.bytes;
    waiting_.push_back(std::move(latent));
  }
  changed_.notify_one();
}

bool LatentQueue::full() const {
  std::lock_guard lock(mutex_);
  return keep_bytes_ > 0 && bytes_ >= keep_bytes_;
}

void LatentQueue::End() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
}

Supplied LatentQueue::Take(SuppliedLatent* latent) {
  bool room = false;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return flushing_ || ended_ || !waiting_.empty(); });
    if (flushing_) return Supplied::kFlushing;
    if (waiting_.empty()) return Supplied::kEnd;
    *latent = std::move(waiting_.front());
    waiting_.pop_front();
    const bool was_full = keep_bytes_ > 0 && bytes_ >= keep_bytes_;
    bytes_ -= latent->bytes;
    room = was_full && bytes_ < keep_bytes_;
  }
  if (room && on_room_) on_room_();
  return Supplied::kLatent;
}

void LatentQueue::SetFlushing(bool flushing) {
  {
    std::lock_guard lock(mutex_);
    flushing_ = flushing;
  }
  changed_.notify_one();
}

LatentQueue::Counts LatentQueue::counts() const {
  std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.waiting = waiting_.size();
  return counts;
}

}  // namespace taegst
