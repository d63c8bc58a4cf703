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
//
// From kMapped bytes on they are a mapping of their own, which goes back to the
// system with the buffer: of arenas that come and go in many sizes malloc's
// heap would keep the holes.
class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kHugePage = size_t{2} << 20;
  static constexpr size_t kMapped = size_t{256} << 10;

  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size) {
    if (size == 0) return;
    const size_t alignment = size >= 2 * kHugePage ? kHugePage : kAlignment;
    if (size > PTRDIFF_MAX - 2 * kHugePage) {
      ok_ = false;
      return;
    }
    const size_t rounded = (size + alignment - 1) / alignment * alignment;
    if (kMaps && size >= kMapped)
      Map(rounded, alignment);
    else
      data_ = static_cast<uint8_t*>(std::aligned_alloc(alignment, rounded));
    ok_ = data_ != nullptr;
    size_ = ok_ ? size : 0;
#ifdef MADV_HUGEPAGE
    // Only advice: a kernel without huge pages says no, and nothing is lost.
    if (ok_ && alignment == kHugePage) madvise(data_, rounded, MADV_HUGEPAGE);
#endif
  }
  ~AlignedBuffer() {
    if (mapped_ > 0)
      munmap(data_, mapped_);
    else
      std::free(data_);
  }

  AlignedBuffer(AlignedBuffer&& other) noexcept { *this = std::move(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
    std::swap(ok_, other.ok_);
    return *this;
  }

  bool ok() const { return ok_; }
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
#ifdef __SANITIZE_ADDRESS__
  static constexpr bool kMaps = false;  // malloc's memory has guards around it
#else
  static constexpr bool kMaps = true;
#endif

  // A mapping is aligned to a page; for more, the ends of a longer one are cut
  // off.
  void Map(size_t size, size_t alignment) {
    const size_t more = alignment > kAlignment ? alignment : 0;
    void* const mapping = mmap(nullptr, size + more, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return;
    auto* const begin = static_cast<uint8_t*>(mapping);
    const size_t head =
        more > 0
            ? (alignment - reinterpret_cast<uintptr_t>(begin) % alignment) %
                  alignment
            : 0;
    if (head > 0) munmap(begin, head);
    if (more > head) munmap(begin + head + size, more - head);
    data_ = begin + head;
    mapped_ = size;
  }

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // bytes; 0 = not a mapping
  bool ok_ = true;
};

}  // namespace tae
