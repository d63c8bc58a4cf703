// One piece of memory for activations, scratch or packed weights.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace tae {

// Bytes aligned to a cache line (to a huge page, and advised so, when large).
// Move-only owner; the bytes are not initialised. Failure is reported by
// ok() == false, never thrown; a buffer of 0 bytes is ok and has no data.
class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kHugePage = size_t{2} << 20;

  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size) {
    if (size == 0) return;
    const size_t alignment = size >= 2 * kHugePage ? kHugePage : kAlignment;
    if (size > PTRDIFF_MAX - alignment) {
      ok_ = false;
      return;
    }
    const size_t rounded = (size + alignment - 1) / alignment * alignment;
    data_ = static_cast<uint8_t*>(std::aligned_alloc(alignment, rounded));
    ok_ = data_ != nullptr;
    size_ = ok_ ? size : 0;
#ifdef MADV_HUGEPAGE
    // Only advice: a kernel without huge pages says no, and nothing is lost.
    if (ok_ && alignment == kHugePage) madvise(data_, rounded, MADV_HUGEPAGE);
#endif
  }
  ~AlignedBuffer() { std::free(data_); }

  AlignedBuffer(AlignedBuffer&& other) noexcept { *this = std::move(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(ok_, other.ok_);
    return *this;
  }

  bool ok() const { return ok_; }
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace tae
