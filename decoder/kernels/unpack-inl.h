// A row of a latent as floats: gathered by its layout, widened, moved to the
// sampler's domain, and freed of what is not finite. The twin of
// reference/unpack.cc. Needs simd_*-inl.h before it.
#include "kernels/row_order.h"

namespace tae {
namespace {

constexpr int kUnpackBlock = 64;  // scalars of a row at a time; even

// Scalars [x, x + count) of a row, x even: T is what they are stored as.
template <class T>
TAE_INLINE void Gather(const char* bytes, const RowOrder& order, int x,
                       int count, T* to) {
  const char* from =
      bytes + (order.base + x / order.period * order.step) * int64_t{sizeof(T)};
  const int64_t step = order.step * int64_t{sizeof(T)};
  const int64_t minor = order.minor * int64_t{sizeof(T)};
  if (order.period == 1 && order.step == 1) {
    __builtin_memcpy(to, from, count * sizeof(T));
    return;
  }
  if (order.period == 1) {
    for (int i = 0; i < count; ++i)
      __builtin_memcpy(to + i, from + i * step, sizeof(T));
    return;
  }
  for (int i = 0; i < count; ++i)
    __builtin_memcpy(to + i, from + i / 2 * step + i % 2 * minor, sizeof(T));
}

TAE_INLINE void Widen(const uint16_t* from, DType dtype, float* to) {
  for (int i = 0; i < kUnpackBlock; i += kLanes) {
    if (dtype == DType::kF16) {
      Store(to + i, Load(from + i));
      continue;
    }
    for (int k = i; k < i + kLanes; ++k) {
      const uint32_t bits = uint32_t{from[k]} << 16;
      __builtin_memcpy(to + k, &bits, sizeof bits);
    }
  }
}

// Sets what is NaN or infinite to 0; returns how many that were.
TAE_INLINE int KeepFinite(int count, float* values) {
  int bad = 0;
  for (int i = 0; i < count; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, values + i, sizeof bits);
    const bool finite = (bits & 0x7f800000) != 0x7f800000;
    bad += finite ? 0 : 1;
    bits = finite ? bits : 0;
    __builtin_memcpy(values + i, &bits, sizeof bits);
  }
  return bad;
}

inline int64_t UnpackChannel(const UnpackTask& task, int c) {
  const LatentView& latent = *task.latent;
  const auto* bytes = static_cast<const char*>(latent.data);
  const RowOrder order = OrderOf(latent, c, task.y);
  const int width = latent.extent.width;
  float* z = task.z + int64_t{c} * width;
  int64_t bad = 0;
  for (int x = 0; x < width; x += kUnpackBlock) {
    alignas(64) float values[kUnpackBlock];
    alignas(64) uint16_t halves[kUnpackBlock] = {};
    const int count = width - x < kUnpackBlock ? width - x : kUnpackBlock;
    if (latent.dtype == DType::kF32) {
      Gather(bytes, order, x, count, values);
    } else {
      Gather(bytes, order, x, count, halves);
      Widen(halves, latent.dtype, values);
    }
    if (task.affine.scale != nullptr) {
      const int k = 4 * c + 2 * (task.y & 1);
      for (int i = 0; i < count; ++i)
        values[i] = task.affine.scale[k + (i & 1)] * values[i] +
                    task.affine.shift[k + (i & 1)];
    }
    bad += KeepFinite(count, values);
    __builtin_memcpy(z + x, values, count * sizeof(float));
  }
  return bad;
}

inline int64_t Unpack(const UnpackTask& task) {
  int64_t bad = 0;
  for (int c = 0; c < task.latent->channels; ++c) bad += UnpackChannel(task, c);
  return bad;
}

}  // namespace
}  // namespace tae
