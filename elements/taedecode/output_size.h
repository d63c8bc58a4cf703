// Which sizes of picture the element offers, the largest first.
#pragma once

#include <gst/gst.h>

#include <vector>

#include "common/gst_ptr.h"
#include "taedecode/quality_settings.h"

namespace taegst {

struct OutputSize {
  int scale = 1;  // the full picture's sides are divided by this
  int width = 0;  // pixels
  int height = 0;
};

// Of a picture of width x height pixels, pixels_per_latent of them a latent
// pixel. Not empty: where the settings allow none, the smallest is offered.
std::vector<OutputSize> OfferedSizes(const QualitySettings& settings, int width,
                                     int height, int pixels_per_latent);

// OutputCaps of these sizes only.
GstPtr<GstCaps> CapsOfSizes(const std::vector<OutputSize>& sizes);

}  // namespace taegst
