// Whether this build watches every memory access, which costs ten to a hundred
// times: such builds run the small cases only, and say so.
#pragma once

#include <cstdlib>
#include <vector>

namespace tae::testing {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
inline constexpr bool kInstrumented = kThreadSanitizer || kAddressSanitizer;

// Whether the CPU is emulated, as the scripts that do so say: also far slower.
inline bool Emulated() { return std::getenv("TAE_TESTS_EMULATED") != nullptr; }

// All of a test's cases, or a sample of them where each takes long.
inline std::vector<int> Sample(const std::vector<int>& all,
                               const std::vector<int>& few) {
  return kInstrumented || Emulated() ? few : all;
}

// The extents of a test, in a slow build those of up to `most` elements only.
template <typename Extent>
std::vector<Extent> UpTo(int most, bool slow, std::vector<Extent> all) {
  if (slow)
    std::erase_if(all, [most](const Extent& extent) {
      return extent.height * extent.width > most;
    });
  return all;
}

}  // namespace tae::testing
