// Weights in the orders that kernels want them: packed once per model, shared
// by every plan. Knows no kernel; kernels/packed_weights.h is its typed face.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <mutex>

namespace tae {

// Which packing of which convolution. `packer` is an address that names the
// packing (a kernel table, a function); it must outlive the model.
struct PackedKey {
  const void* packer = nullptr;
  int purpose = 0;  // the packer's own: one convolution may be packed two ways
  int layer = 0;    // index into ModelSpec::layers
  int part = 0;     // index of the convolution or pool in the layer
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in here.
  friend auto operator<=>(const PackedKey&, const PackedKey&) = default;
};

// Packed bytes that the cache owns from now on. data == null: could not.
struct PackedEntry {
  void* data = nullptr;
  size_t bytes = 0;
  void (*free)(void* context, void* data) = nullptr;
  void* context = nullptr;
};

// Thread-safe; a pointer it returned is valid as long as the cache.
class PackedWeightsCache {
 public:
  PackedWeightsCache() = default;
  PackedWeightsCache(const PackedWeightsCache&) = delete;
  PackedWeightsCache& operator=(const PackedWeightsCache&) = delete;
  ~PackedWeightsCache() {
    for (auto& [key, entry] : entries_) entry.free(entry.context, entry.data);
  }

  // The packed bytes of `key`; calls pack() (which returns a PackedEntry) when
  // there are none yet. Null, and nothing remembered, when pack() could not.
  template <typename Pack>
  const void* GetOrPack(const PackedKey& key, Pack&& pack) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = entries_.find(key); found != entries_.end()) {
      return found->second.data;
    }
    const PackedEntry entry = pack();
    if (entry.data == nullptr) return nullptr;
    entries_.emplace(key, entry);
    bytes_ += entry.bytes;
    return entry.data;
  }

  size_t bytes() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return bytes_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<PackedKey, PackedEntry> entries_;
  size_t bytes_ = 0;
};

}  // namespace tae
