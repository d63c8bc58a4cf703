// Hands out the chunks of a list in order and lets each wait until all chunks
// up to another one are done. Whoever waits holds a later chunk than those it
// waits for, so there is no deadlock with any number of workers.
#pragma once

#include <sched.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace tae {

class ChunkQueue {
 public:
  // May throw std::bad_alloc.
  explicit ChunkQueue(int count)
      : count_(count), done_(new std::atomic<uint8_t>[count]()) {}

  // Begins a new round over chunks [begin, end). No worker may be active.
  void Restart(int begin, int end) {
    if (begin == 0) ++round_;
    end_ = end < 0 ? count_ : end;
    next_.store(begin, std::memory_order_relaxed);
  }

  // The next chunk, or -1 when there is none.
  int Claim() {
    const int chunk = next_.fetch_add(1, std::memory_order_relaxed);
    return chunk < end_ ? chunk : -1;
  }

  // Returns when all chunks up to and including `chunk` are done. `cursor` is
  // the caller's own: start it at 0 in each round.
  void Wait(int chunk, int* cursor) const {
    for (; *cursor <= chunk; ++*cursor)
      for (int tries = 0;
           done_[*cursor].load(std::memory_order_acquire) != round_; ++tries)
        Pause(tries);
  }

  void Done(int chunk) {
    done_[chunk].store(round_, std::memory_order_release);
  }

 private:
  // A chunk takes some 20 us: spin about as long, then give the CPU away.
  static void Pause(int tries) {
    if (tries < 1000) {
#if defined(__SSE2__)
      __builtin_ia32_pause();
#endif
    } else if (tries < 1100) {
      sched_yield();
    } else {
      const timespec nap{0, 50'000};
      nanosleep(&nap, nullptr);
    }
  }

  const int count_;
  std::unique_ptr<std::atomic<uint8_t>[]> done_;  // the round it was done in
  uint8_t round_ = 0;
  int end_ = 0;
  alignas(64) std::atomic<int> next_{0};
};

}  // namespace tae
