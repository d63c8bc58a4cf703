// What main() of every GoogleTest program returns, so that CTest's "Passed"
// means that every case ran.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>

namespace tae::testing {

inline constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in tests/CMakeLists.txt

// The reason of a case that skipped itself, on one line.
inline std::string SkipReason(const ::testing::TestResult& result) {
  for (int i = 0; i < result.total_part_count(); ++i) {
    const ::testing::TestPartResult& part = result.GetTestPartResult(i);
    if (!part.skipped()) continue;
    std::string reason = part.message();
    for (char& c : reason)
      if (c == '\n') c = ' ';
    return reason;
  }
  return "";
}

// Runs the cases: 0 if all passed, 1 if one failed or none was to be run, and
// kSkipped if one skipped itself. Each that did is listed with its reason, for
// tests/skips.py.
inline int RunTests() {
  const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
  const int failed = RUN_ALL_TESTS();
  if (failed != 0 || GTEST_FLAG_GET(list_tests)) return failed;
  if (all.test_to_run_count() == 0) {
    std::fprintf(stderr, "no test case fits --gtest_filter=%s\n",
                 GTEST_FLAG_GET(filter).c_str());
    return 1;
  }
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const ::testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); ++k) {
      const ::testing::TestInfo& test = *suite.GetTestInfo(k);
      if (test.should_run() && test.result()->Skipped())
        std::printf("SKIPPED: %s.%s: %s\n", suite.name(), test.name(),
                    SkipReason(*test.result()).c_str());
    }
  }
  return all.skipped_test_count() > 0 ? kSkipped : 0;
}

}  // namespace tae::testing
