#include "taedecode/refiner.h"

#include <chrono>
#include <utility>

namespace taegst {

Refiner::~Refiner() {
  Interrupt();
  {
    std::lock_guard lock(mutex_);
    quit_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Refiner::Begin(Step step, GstClockTime rest) {
  {
    std::lock_guard lock(mutex_);
    step_ = std::move(step);
    rest_ = rest;
    hurry_ = interrupt_ = false;
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
  changed_.notify_all();
}

void Refiner::Interrupt() {
  std::unique_lock lock(mutex_);
  interrupt_ = true;
  cancel_->store(true);
  changed_.notify_all();
  changed_.wait(lock, [this] { return step_ == nullptr; });
  cancel_->store(false);
}

void Refiner::Finish() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return step_ == nullptr; });
}

void Refiner::Rest(std::unique_lock<std::mutex>& lock, GstClockTime rest) {
  const auto woken = [this] { return hurry_ || interrupt_; };
  if (rest == GST_CLOCK_TIME_NONE) return changed_.wait(lock, woken);
  changed_.wait_for(lock, std::chrono::nanoseconds(rest), woken);
}

void Refiner::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return quit_ || step_ != nullptr; });
    if (step_ == nullptr) return;
    Rest(lock, rest_);
    std::optional<GstClockTime> rest;
    if (!interrupt_) {
      lock.unlock();
      rest = step_();
      lock.lock();
    }
    if (rest && !interrupt_) {
      rest_ = *rest;
      continue;
    }
    Step done = std::exchange(step_, nullptr);
    changed_.notify_all();
  }
}

}  // namespace taegst
