#include "kernels/reference/unpack.h"

#include <cmath>

#include "base/half.h"
#include "kernels/row_order.h"

namespace tae::reference {
int64_t Unpack(const UnpackTask& task) {
  const LatentView& latent = *task.latent;
  const auto* bytes = static_cast<const uint8_t*>(latent.data);
  const size_t size = SizeOf(latent.dtype);
  const int width = latent.extent.width;
  int64_t nonfinite = 0;
  for (int c = 0; c < latent.channels; ++c) {
    const RowOrder order = OrderOf(latent, c, task.y);
    for (int x = 0; x < width; ++x) {
      const int64_t at = order.base + x / order.period * order.step +
                         x % order.period * order.minor;
      float value;
      LoadFloats(latent.dtype, bytes + at * size, 1, &value);
      if (task.affine.scale != nullptr) {
        const int k = 4 * c + 2 * (task.y & 1) + (x & 1);
        value = task.affine.scale[k] * value + task.affine.shift[k];
      }
      if (!std::isfinite(value)) {
        ++nonfinite;
        value = 0;
      }
      task.z[static_cast<int64_t>(c) * width + x] = value;
    }
  }
  return nonfinite;
}

}  // namespace tae::reference
