#include "kernels/reference/unpack.h"

#include <cmath>

#include "base/half.h"

namespace tae::reference {
namespace {

// Where channel c of row y begins, in scalars, and how x goes on from there:
// scalar (c, y, x) is at base + (x / period) * step + (x % period) * minor.
struct RowOrder {
  int64_t base = 0;
  int64_t step = 0;
  int64_t minor = 0;
  int period = 1;
};

RowOrder OrderOf(const LatentView& latent, int c, int y) {
  const int64_t channels = latent.channels;
  const int64_t height = latent.extent.height;
  const int64_t width = latent.extent.width;
  const int64_t patch_row = y / 2 * (width / 2);  // first token of the row
  const int64_t py = y % 2;
  switch (latent.layout) {
    case LatentLayout::kNchw:
      return {.base = (c * height + y) * width, .step = 1};
    case LatentLayout::kNhwc:
      return {.base = y * width * channels + c, .step = channels};
    case LatentLayout::kPacked:
      return {.base = patch_row * 4 * channels + 4 * c + 2 * py,
              .step = 4 * channels,
              .minor = 1,
              .period = 2};
    case LatentLayout::kPackedNchw: {
      const int64_t plane = height / 2 * (width / 2);
      return {.base = (4 * c + 2 * py) * plane + patch_row,
              .step = 1,
              .minor = plane,
              .period = 2};
    }
    case LatentLayout::kPackedIdeogram4:
      return {.base = patch_row * 4 * channels + 2 * channels * py + c,
              .step = 4 * channels,
              .minor = channels,
              .period = 2};
  }
  return {};
}

}  // namespace

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
