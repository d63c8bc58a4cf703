// A system that refuses threads gets a pool of fewer, which works.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

#include "tae/parallel.h"

namespace {
std::atomic<int> threads_left{1000};
}  // namespace

// Stands before the C library's: refuses when none is left.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* with,
                              void* (*run)(void*), void* argument) {
  static const auto real = reinterpret_cast<decltype(&pthread_create)>(
      dlsym(RTLD_NEXT, "pthread_create"));
  if (--threads_left < 0) return EAGAIN;
  return real(thread, with, run, argument);
}

namespace tae {
namespace {

TEST(RefusedThreadsTest, ThePoolGoesOnWithFewer) {
  for (int allowed = 0; allowed < 5; ++allowed) {
    threads_left = allowed;
    const ThreadOptions options{.threads = 5};
    const auto pool = MakeThreadPool(options);
    EXPECT_EQ(WantedThreads(options), 5);
    EXPECT_EQ(pool->workers(), 1 + allowed);
    std::atomic<int> runs{0};
    pool->Run(
        100,
        [](void* context, int, int) {
          ++*static_cast<std::atomic<int>*>(context);
        },
        &runs);
    EXPECT_EQ(runs, 100);
  }
}

}  // namespace
}  // namespace tae
