// The reference runs in a thread of its own and lends one tensor at a time.
#include "tool/lockstep.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace tae::tool {
namespace {

// The reference offers a step and waits until it was used; the tested side
// waits for the offer of its step. Either side may end early.
class Meeting {
 public:
  void Offer(int step, const float* values) {
    std::unique_lock<std::mutex> lock(mutex_);
    step_ = step;
    values_ = values;
    changed_.notify_all();
    changed_.wait(lock, [&] { return values_ == nullptr || closed_; });
  }

  // The reference's values of `step`, skipping its earlier ones; null when it
  // shows no such step. Used() must follow when not null.
  const float* Await(int step) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return values_ != nullptr || ended_; });
      if (values_ == nullptr || step_ > step) return nullptr;
      if (step_ == step) return values_;
      values_ = nullptr;
      changed_.notify_all();
    }
  }

  void Used() {
    Set([&] { values_ = nullptr; });
  }
  void End() {
    Set([&] { ended_ = true; });
  }  // by the reference
  void Close() {
    Set([&] { closed_ = true; });
  }  // by the tested side

 private:
  template <typename Change>
  void Set(Change change) {
    std::lock_guard<std::mutex> lock(mutex_);
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int step_ = -1;
  const float* values_ = nullptr;
  bool ended_ = false;
  bool closed_ = false;
};

}  // namespace

Status RunInLockstep(Executor& tested, Executor& reference,
                     const LatentView& latent, const FrameView& tested_frame,
                     const FrameView& reference_frame,
                     const std::function<void(const StepPair&)>& visit) {
  Meeting meeting;
  const bool observed = tested.Observe([&](int step, Extent extent,
                                           int channels, const float* values) {
    const float* expected = meeting.Await(step);
    if (expected == nullptr) return;
    visit({step, extent, channels, values, expected});
    meeting.Used();
  }) && reference.Observe([&](int step, Extent, int, const float* values) {
    meeting.Offer(step, values);
  });
  if (observed) {
    std::thread other([&] {
      reference.Run(latent, reference_frame, nullptr);
      meeting.End();
    });
    tested.Run(latent, tested_frame, nullptr);
    meeting.Close();
    other.join();
  }
  tested.Observe(nullptr);
  reference.Observe(nullptr);
  return observed ? Status()
                  : Unsupported("this backend does not show its steps");
}

}  // namespace tae::tool
