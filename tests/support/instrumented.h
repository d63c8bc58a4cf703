// Whether this build watches every memory access, which costs ten to a hundred
// times: such builds run the small cases only, and say so.
#pragma once

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

}  // namespace tae::testing
