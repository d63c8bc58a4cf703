#include "taedecode/output_size.h"

#include <algorithm>

#include "taedecode/output_format.h"

namespace taegst {

std::vector<OutputSize> OfferedSizes(const QualitySettings& settings, int width,
                                     int height, int pixels_per_latent) {
  std::vector<OutputSize> sizes;
  OutputSize smallest{1, width, height};
  for (const int scale : {1, 2, 4, 8}) {
    if (pixels_per_latent % scale != 0) break;
    smallest = {scale, width / scale, height / scale};
    const int longer = std::max(smallest.width, smallest.height);
    const bool wanted = settings.scale == 0
                            ? settings.max_size == 0 ||
                                  longer <= static_cast<int>(settings.max_size)
                            : settings.scale == scale;
    if (wanted) sizes.push_back(smallest);
  }
  if (sizes.empty()) sizes.push_back(smallest);
  return sizes;
}

GstPtr<GstCaps> CapsOfSizes(const std::vector<OutputSize>& sizes) {
  GstPtr<GstCaps> all(gst_caps_new_empty());
  for (const OutputSize& size : sizes) {
    GstPtr<GstCaps> caps = OutputCaps();
    gst_caps_set_simple(caps.get(), "width", G_TYPE_INT, size.width, "height",
                        G_TYPE_INT, size.height, nullptr);
    gst_caps_append(all.get(), caps.release());
  }
  return all;
}

}  // namespace taegst
