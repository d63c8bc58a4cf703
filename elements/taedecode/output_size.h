// Which sizes of picture the element offers, the largest first.
#pragma once

#include <gst/gst.h>

#include <vector>

#include "common/gst_ptr.h"
#include "tae/types.h"
#include "taedecode/batch_grid.h"
#include "taedecode/quality_settings.h"

namespace taegst {

struct OutputSize {
  int scale = 1;  // the full picture's sides are divided by this
  int width = 0;  // pixels, of all cells together
  int height = 0;
  GridShape grid;

  int cell_width() const { return width / grid.columns; }
  int cell_height() const { return height / grid.rows; }
  guint64 pixels() const { return guint64(width) * guint64(height); }
  friend bool operator==(const OutputSize&, const OutputSize&) = default;
};

// Of a grid of pictures of such latents, pixels_per_latent pixels a latent
// pixel. Not empty: where the settings allow none, the smallest is offered.
std::vector<OutputSize> OfferedSizes(const QualitySettings& settings,
                                     tae::Extent latent, const GridShape& grid,
                                     int pixels_per_latent);

// Puts the framerate that downstream of `pad` asks of frames into caps of
// latents, as the first choice. What has another rate is taken too: why its
// frames are not is said better when they are negotiated.
void PreferFramerate(GstPad* pad, GstPtr<GstCaps>* latents);

// OutputCaps of these sizes only.
GstPtr<GstCaps> CapsOfSizes(const std::vector<OutputSize>& sizes);

}  // namespace taegst
