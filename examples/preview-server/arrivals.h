// What the pipeline hands to the rest of the program, one latent at a time.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>

#include "bytes.h"
#include "common/latent_meta.h"

namespace preview {

// A latent as it came, before it is decoded.
struct ArrivedLatent {
  guint64 key = 0;  // grows
  taegst::LatentStep step;
  std::string prompt;
  Bytes message;    // of the latent stream, complete
  gint64 time = 0;  // g_get_monotonic_time()
};

// The same latent's picture; there may be several, each better than the one
// before (taedecode anytime).
struct ArrivedPicture {
  guint64 key = 0;          // that of the latent, or later
  taegst::LatentStep step;  // that of the latent
  int width = 0;            // pixels
  int height = 0;
  Bytes picture;    // JPEG, full size
  Bytes thumbnail;  // JPEG
  std::shared_ptr<GstSample> raw;
  std::optional<double> change;  // against the step before, as taedecode says
  bool converged = false;
  gint64 nonfinite = 0;  // numbers of the latent that are NaN or infinite
  double decode_ms = 0;
  std::string method;  // "tae", "builtin", "linear"
};

// A picture that was made because somebody asked.
struct MadePicture {
  int width = 0;  // pixels
  int height = 0;
  Bytes picture;    // JPEG, full size
  Bytes thumbnail;  // JPEG
  std::shared_ptr<GstSample> raw;
};

}  // namespace preview
