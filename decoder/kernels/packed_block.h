// Lays out one packed layer: its struct, then arrays, in one allocation.
#pragma once

#include <cstddef>
#include <new>

#include "kernels/kernel_table.h"
#include "kernels/packed_layout.h"

namespace tae {

inline constexpr std::align_val_t kPackedAlignment{64};

constexpr size_t Align64(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Zero-filled; null when memory is out.
template <class Layer>
Layer* NewPacked(size_t array_bytes) {
  const size_t bytes = Align64(sizeof(Layer)) + array_bytes;
  void* memory = ::operator new(bytes, kPackedAlignment, std::nothrow);
  if (memory == nullptr) return nullptr;
  __builtin_memset(memory, 0, bytes);
  auto* layer = new (memory) Layer;
  layer->bytes = bytes;
  return layer;
}

// Hands out the arrays behind the struct, one after the other.
class PackedArrays {
 public:
  template <class Layer>
  explicit PackedArrays(Layer* layer)
      : next_(reinterpret_cast<char*>(layer) + Align64(sizeof(Layer))) {}
  template <class T>
  T* Take(size_t count) {
    T* array = reinterpret_cast<T*>(next_);
    next_ += Align64(count * sizeof(T));
    return array;
  }

 private:
  char* next_;
};

inline PackedLayer* ToPacked(PackedHeader* layer) {
  return reinterpret_cast<PackedLayer*>(layer);
}

}  // namespace tae
