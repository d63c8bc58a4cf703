// One allocation of C++ that is refused, in a test program and the libraries it
// loads. For one source file of a program: it replaces operator new.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TAE_SANITIZED 1
#endif

namespace {
std::atomic<long> until_refused{-1};  // negative: nothing is refused

// Whether this allocation is the one.
bool IsRefused() {
  return until_refused.load() >= 0 && until_refused.fetch_sub(1) == 0;
}
}  // namespace

#if defined(__GLIBC__) && !defined(TAE_SANITIZED)
extern "C" {
void* __libc_memalign(size_t alignment, size_t size);
void* aligned_alloc(size_t alignment, size_t size) {
  return IsRefused() ? nullptr : __libc_memalign(alignment, size);
}
}
#endif
// g++ 12 inlines these and takes the pair for a mistake.
__attribute__((noinline)) void* operator new(size_t size) {
  void* const memory = IsRefused() ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
__attribute__((noinline)) void operator delete(void* memory) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
