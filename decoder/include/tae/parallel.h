// Threads belong to the caller: the library asks for work to be run through
// this interface and never starts a thread on its own.
#pragma once

#include <memory>

#include "tae/export.h"

namespace tae {

// Runs task(context, index, worker) for every index in [0, count), in any
// order, on any number of workers, and returns when all are done. worker is in
// [0, workers()); two tasks that run at the same time never share one.
// One caller at a time. task must not throw.
class TAE_EXPORT ParallelFor {
 public:
  using Task = void (*)(void* context, int index, int worker);

  virtual ~ParallelFor() = default;
  virtual int workers() const = 0;
  virtual void Run(int count, Task task, void* context) = 0;
};

struct ThreadOptions {
  int threads = 0;  // 0 = as many as the CPUs this process may use
  int nice = 0;     // added to the workers' niceness; the caller's stays
};

// How many threads these options ask for, the caller's with them.
TAE_EXPORT int WantedThreads(const ThreadOptions& options);

// Fixed workers, no work stealing, nothing runs while idle. With one thread
// everything runs in the caller. Denormals are flushed while a task runs. Where
// the system refuses threads the pool goes on with fewer: workers() is then
// less than WantedThreads(). May throw std::bad_alloc.
TAE_EXPORT std::unique_ptr<ParallelFor> MakeThreadPool(ThreadOptions options);

}  // namespace tae
