// The default ParallelFor: fixed workers that sleep between runs.
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "parallel/denormals.h"
#include "tae/parallel.h"

namespace tae {
namespace {

// CPUs that this process may run on: affinity counts, not the machine's size.
int AllowedCpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

class ThreadPool final : public ParallelFor {
 public:
  explicit ThreadPool(int threads, int nice) : nice_(nice) {
    // A system that refuses a thread (limits of memory, of processes) still has
    // the caller's: whoever must know compares workers() with WantedThreads().
    try {
      for (int worker = 1; worker < threads; ++worker)
        threads_.emplace_back([this, worker] { Work(worker); });
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
  }

  ~ThreadPool() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    start_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  int workers() const override { return 1 + static_cast<int>(threads_.size()); }

  void Run(int count, Task task, void* context) override {
    if (count <= 0) return;
    if (count == 1 || threads_.empty()) {
      FlushDenormals flush;
      for (int i = 0; i < count; ++i) task(context, i, 0);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      task_ = task;
      context_ = context;
      count_ = count;
      next_.store(0, std::memory_order_relaxed);
      open_ = true;
      ++generation_;
    }
    start_.notify_all();
    RunShare(task, context, count, 0);
    // Everything is handed out: who did not wake up until now (the machine is
    // busy) is not waited for.
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = false;
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void RunShare(Task task, void* context, int count, int worker) {
    FlushDenormals flush;
    for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count;)
      task(context, i, worker);
  }

  void Work(int worker) {
    if (nice_ != 0) {
      // On Linux niceness belongs to the thread; a refusal is harmless.
      const auto self = static_cast<id_t>(syscall(SYS_gettid));
      (void)setpriority(PRIO_PROCESS, self,
                        getpriority(PRIO_PROCESS, self) + nice_);
    }
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      start_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      if (!open_) continue;
      ++busy_;
      const Task task = task_;
      void* const context = context_;
      const int count = count_;
      lock.unlock();
      RunShare(task, context, count, worker);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  const int nice_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  std::atomic<int> next_{0};
  // Under mutex_:
  Task task_ = nullptr;
  void* context_ = nullptr;
  int count_ = 0;
  bool open_ = false;  // there may be something left to hand out
  int busy_ = 0;       // workers that are at it, without the caller
  uint64_t generation_ = 0;
  bool stop_ = false;
};

}  // namespace

int WantedThreads(const ThreadOptions& options) {
  return options.threads > 0 ? options.threads : AllowedCpus();
}

std::unique_ptr<ParallelFor> MakeThreadPool(ThreadOptions options) {
  return std::make_unique<ThreadPool>(WantedThreads(options), options.nice);
}

}  // namespace tae
