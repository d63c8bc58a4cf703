// How long a call takes, and what stands for many of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace tae_bench {

template <class F>
double Milliseconds(F f) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

// Of at least one value; the upper one of two in the middle.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace tae_bench
