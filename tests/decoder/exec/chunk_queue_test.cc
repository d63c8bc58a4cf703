// Who waits for a chunk holds none, sleeps, and wakes up.
#include "exec/chunk_queue.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace tae {
namespace {

// A line of /proc/self/task/TID/status, without its name.
std::string StatusOf(pid_t thread, const std::string& name) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(name, 0) == 0) return line.substr(name.size());
  return "";
}

// Returns once the thread slept through a hundred looks without waking up.
void WaitUntilAsleep(pid_t thread) {
  std::string before;
  for (int still = 0; still < 100; ++still) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    const std::string switches = StatusOf(thread, "voluntary_ctxt_switches:");
    if (switches != before || StatusOf(thread, "State:").find('S') > 2)
      still = 0;
    before = switches;
  }
}

TEST(ChunkQueueTest, WhoWaitsHoldsNothingAndSleeps) {
  ChunkQueue queue(4);
  queue.Restart(0, -1);
  const std::vector<int> waits = {-1, 0, -1, 1};
  const auto wait_for = [&](int chunk) { return waits[chunk]; };
  int cursor = 0;
  ASSERT_EQ(queue.Claim(&cursor, wait_for), 0);
  std::atomic<pid_t> id{0};
  std::atomic<int> claimed{-2};
  std::thread other([&] {
    int own = 0;
    // 1 waits for 0, so that 2 comes first.
    EXPECT_EQ(queue.Claim(&own, wait_for), 2);
    queue.Done(2);
    id = static_cast<pid_t>(syscall(SYS_gettid));
    claimed = queue.Claim(&own, wait_for);
  });
  while (id == 0) std::this_thread::yield();
  WaitUntilAsleep(id);
  EXPECT_EQ(claimed, -2);
  queue.Done(0);
  other.join();
  // Whoever of the two comes first gets 1; it is not the sleeper's own.
  if (claimed == 1) queue.Done(1);
  for (int chunk;
       claimed != 1 && (chunk = queue.Claim(&cursor, wait_for)) >= 0;)
    queue.Done(chunk);
}

TEST(ChunkQueueTest, TheChunkOfASleeperCanBeTakenByAnother) {
  ChunkQueue queue(3);
  queue.Restart(0, -1);
  const auto wait_for = [](int chunk) { return chunk - 1; };
  int cursor = 0;
  ASSERT_EQ(queue.Claim(&cursor, wait_for), 0);
  std::atomic<pid_t> id{0};
  std::thread other([&] {
    id = static_cast<pid_t>(syscall(SYS_gettid));
    int own = 0;
    for (int chunk; (chunk = queue.Claim(&own, wait_for)) >= 0;)
      queue.Done(chunk);
  });
  while (id == 0) std::this_thread::yield();
  WaitUntilAsleep(id);
  queue.Done(0);
  for (int chunk; (chunk = queue.Claim(&cursor, wait_for)) >= 0;)
    queue.Done(chunk);
  other.join();
}

TEST(ChunkQueueTest, EveryChunkRunsOnceAfterAllThatItWaitsFor) {
  constexpr int kCount = 400;
  ChunkQueue queue(kCount);
  std::vector<int> waits;
  for (int i = 0; i < kCount; ++i) waits.push_back(i - 1 - i * 7 % 5);
  for (int round = 0; round < 300; ++round) {
    queue.Restart(0, -1);
    std::vector<std::atomic<int>> runs(kCount);
    std::vector<std::thread> workers;
    for (int w = 0; w < 3; ++w)
      workers.emplace_back([&] {
        int cursor = 0;
        for (int c; (c = queue.Claim(&cursor, [&](int chunk) {
                      return waits[chunk];
                    })) >= 0;) {
          for (int before = 0; before <= waits[c]; ++before)
            EXPECT_EQ(runs[before], 1);
          ++runs[c];
          queue.Done(c);
        }
      });
    for (std::thread& worker : workers) worker.join();
    for (const auto& run : runs) ASSERT_EQ(run, 1);
  }
}

}  // namespace
}  // namespace tae
