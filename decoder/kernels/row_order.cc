#include "kernels/row_order.h"

namespace tae {

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

}  // namespace tae
