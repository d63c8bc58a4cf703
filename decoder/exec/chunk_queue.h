// Hands out the chunks of a list to workers, each as soon as what it waits for
// is done. Nobody holds a chunk that he cannot run at once: whoever waits keeps
// nothing from the others, however late the machine gives him a CPU again.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <memory>

namespace tae {

class ChunkQueue {
 public:
  // May throw std::bad_alloc.
  explicit ChunkQueue(int count)
      : count_(count), states_(new std::atomic<uint8_t>[count]()) {}

  // Begins a new round over chunks [begin, end); end < 0 means all. No worker
  // may be active.
  void Restart(int begin, int end) {
    if (begin == 0) round_ = static_cast<uint8_t>((round_ + 1) % kRounds);
    end_ = end < 0 ? count_ : end;
    first_free_.store(begin, std::memory_order_relaxed);
    awaited_.store(-1, std::memory_order_relaxed);
  }

  // A chunk to run, or -1 when all are handed out. wait_for(chunk) is the last
  // chunk that must be done, with all before it, when this one starts; it lies
  // before it. `cursor` is the caller's own: start it at 0 in each round.
  template <typename WaitFor>
  int Claim(int* cursor, WaitFor&& wait_for) {
    for (;;) {
      const int begin = FirstFree();
      if (begin == end_) return -1;
      while (*cursor < begin && IsDone(*cursor)) ++*cursor;
      const int limit = std::min(begin + kAhead, end_);
      for (int chunk = begin; chunk < limit; ++chunk)
        if (wait_for(chunk) < *cursor && Take(chunk)) return chunk;
      // What is missing is being run: were it free, it would have been taken.
      if (*cursor < begin && !Spin(*cursor)) Sleep(*cursor);
    }
  }

  void Done(int chunk) {
    // Sequentially consistent, as in Sleep: either the sleeper sees that the
    // chunk is done or this sees that he waits for it.
    states_[chunk].store(DoneState());
    if (awaited_.load() != chunk) return;
    wakes_.fetch_add(1);
    syscall(SYS_futex, &wakes_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr,
            0);
  }

 private:
  static constexpr int kRounds = 128;  // two states of each fit a byte
  static constexpr int kAhead = 64;    // chunks that are looked at

  uint8_t TakenState() const { return static_cast<uint8_t>(2 * round_); }
  uint8_t DoneState() const { return static_cast<uint8_t>(2 * round_ + 1); }

  bool IsDone(int chunk) const { return states_[chunk].load() == DoneState(); }
  bool IsFree(int chunk) const {
    const uint8_t state = states_[chunk].load(std::memory_order_relaxed);
    return state != TakenState() && state != DoneState();
  }

  bool Take(int chunk) {
    uint8_t state = states_[chunk].load(std::memory_order_relaxed);
    return state != TakenState() && state != DoneState() &&
           states_[chunk].compare_exchange_strong(state, TakenState());
  }

  // The first chunk that nobody took.
  int FirstFree() {
    int first = first_free_.load(std::memory_order_relaxed);
    const int before = first;
    while (first < end_ && !IsFree(first)) ++first;
    // A hint: an older one that overwrites it costs some steps.
    if (first != before) first_free_.store(first, std::memory_order_relaxed);
    return first;
  }

  // A chunk takes some 20 us: waits about as long for its worker. True: done.
  bool Spin(int chunk) const {
    for (int tries = 0; tries < 1000; ++tries) {
      if (IsDone(chunk)) return true;
#if defined(__SSE2__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
    return false;
  }

  // The chunk's worker lost its CPU and may be away for whole time slices. To
  // spin on, or to yield, would cost this thread its own slice.
  void Sleep(int chunk) {
    while (!IsDone(chunk)) {
      const uint32_t seen = wakes_.load();
      // All who wait now wait for the same chunk, the first that is not done; a
      // smaller number comes from one who woke up late.
      for (int last = awaited_.load();
           last < chunk && !awaited_.compare_exchange_weak(last, chunk);) {
      }
      if (IsDone(chunk)) return;
      syscall(SYS_futex, &wakes_, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr,
              0);
    }
  }

  const int count_;
  std::unique_ptr<std::atomic<uint8_t>[]> states_;
  uint8_t round_ = 0;
  int end_ = 0;
  alignas(64) std::atomic<int> first_free_{0};
  alignas(64) std::atomic<int> awaited_{-1};
  std::atomic<uint32_t> wakes_{0};  // the futex
};

}  // namespace tae
