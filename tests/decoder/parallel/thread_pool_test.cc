#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tae/parallel.h"

namespace tae {
namespace {

TEST(ThreadPoolTest, EveryIndexRunsOnce) {
  const auto pool = MakeThreadPool({.threads = 4});
  EXPECT_EQ(pool->workers(), 4);
  for (int count : {0, 1, 2, 3, 1000}) {
    std::vector<std::atomic<int>> runs(count);
    pool->Run(
        count,
        [](void* context, int index, int worker) {
          EXPECT_GE(worker, 0);
          EXPECT_LT(worker, 4);
          ++static_cast<std::atomic<int>*>(context)[index];
        },
        runs.data());
    for (const auto& r : runs) EXPECT_EQ(r, 1);
  }
}

TEST(ThreadPoolTest, RunningTasksNeverShareAWorker) {
  const auto pool = MakeThreadPool({.threads = 3});
  std::atomic<int> busy[3] = {};
  pool->Run(
      300,
      [](void* context, int, int worker) {
        auto* flags = static_cast<std::atomic<int>*>(context);
        EXPECT_EQ(flags[worker].exchange(1), 0);
        std::this_thread::yield();
        flags[worker] = 0;
      },
      busy);
}

// The pool has as many threads as the process may use CPUs, and its threads
// stay on them.
TEST(ThreadPoolTest, AffinityIsRespected) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const auto narrow = MakeThreadPool({.threads = 0});
  const auto asked = MakeThreadPool({.threads = 3});
  EXPECT_EQ(narrow->workers(), 1);
  asked->Run(
      30,
      [](void* context, int, int) {
        EXPECT_EQ(sched_getcpu(), *static_cast<int*>(context));
      },
      &first);
  EXPECT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(MakeThreadPool({.threads = 0})->workers(), CPU_COUNT(&before));
}

TEST(ThreadPoolTest, NicenessBelongsToTheWorkersOnly) {
  const int mine = getpriority(PRIO_PROCESS, 0);
  if (mine > 15) GTEST_SKIP() << "already as nice as can be";
  const auto pool = MakeThreadPool({.threads = 2, .nice = 3});
  std::mutex mutex;
  std::set<int> seen;
  struct Context {
    std::mutex& mutex;
    std::set<int>& seen;
  } context{mutex, seen};
  while (seen.size() < 2)  // the nice one may have to wait long for its turn
    pool->Run(
        8,
        [](void* c, int, int worker) {
          auto* context = static_cast<Context*>(c);
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
          std::lock_guard<std::mutex> lock(context->mutex);
          const int nice =
              getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
          context->seen.insert(worker == 0 ? nice : nice + 1000);
        },
        &context);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), mine);
  EXPECT_TRUE(seen.count(mine));
  EXPECT_TRUE(seen.count(mine + 3 + 1000));
}

}  // namespace
}  // namespace tae
