// The latent doctor in a stream: looks at a few latents of each generation and
// warns once of what it finds.
#pragma once

#include <gst/gst.h>

#include <string>

#include "common/latent_caps.h"

namespace taegst {

// Looks at the 1st, 2nd, 4th, 8th... latent of a generation and at the final
// one, until something was found: the first ones may be too noisy to tell, and
// a look takes longer than there is for each.
class Checkup {
 public:
  struct Latent {
    GstBuffer* buffer = nullptr;
    const LatentInfo& info;
    const std::string& variant;  // of the decoder
    bool noisy = false;          // declared, or said by the property denoise
    bool final = false;
  };

  void BeginGeneration() {
    seen_ = 0;
    told_ = false;
  }

  // Posts a warning on the element. NaN and infinite numbers are not told here:
  // the decoder counts them in every latent.
  void Look(GstElement* element, const Latent& latent);

 private:
  guint64 seen_ = 0;
  bool told_ = false;
};

}  // namespace taegst
