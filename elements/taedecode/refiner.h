// A thread that goes on with a picture while nothing newer is there. The caller
// and the thread take turns: after Interrupt and Finish the thread does nothing
// until the next Begin, so what both use needs no lock.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace taegst {

class Refiner {
 public:
  // One more step. Gives how long to rest after it; nothing when the work is
  // done or `cancel` made it useless. Does not throw.
  using Step = std::function<std::optional<GstClockTime>()>;

  // cancel: set while a step should give up, so that the caller need not wait.
  explicit Refiner(std::shared_ptr<std::atomic<bool>> cancel)
      : cancel_(std::move(cancel)) {}
  ~Refiner();
  Refiner(const Refiner&) = delete;
  Refiner& operator=(const Refiner&) = delete;

  // Runs step after step, in the thread, after a first rest. The thread must be
  // idle. GST_CLOCK_TIME_NONE is a rest that only Finish ends.
  void Begin(Step step, GstClockTime rest);

  // Drops what is left of the work and waits until the thread is idle.
  void Interrupt();

  // Lets the work end, without rests, and waits for that.
  void Finish();

 private:
  void Loop();
  void Rest(std::unique_lock<std::mutex>& lock, GstClockTime rest);

  const std::shared_ptr<std::atomic<bool>> cancel_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Step step_;  // null = idle
  GstClockTime rest_ = 0;
  bool hurry_ = false;
  bool interrupt_ = false;
  bool quit_ = false;
  std::thread thread_;  // from the first Begin on
};

}  // namespace taegst
