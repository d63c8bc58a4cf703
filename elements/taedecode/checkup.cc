#include "taedecode/checkup.h"

#include "common/gst_ptr.h"
#include "common/status_gst.h"
#include "tae/doctor.h"

namespace taegst {

void Checkup::Look(GstElement* element, const Latent& latent) {
  ++seen_;
  const bool power_of_two = (seen_ & (seen_ - 1)) == 0;
  if (told_ || !(power_of_two || latent.final)) return;
  const ReadMap map(latent.buffer);
  if (!map.ok()) return;
  const LatentInfo& info = latent.info;
  const tae::Diagnosis found =
      tae::Diagnose({.data = map.data(),
                     .size = info.latent_size(),
                     .dtype = info.dtype,
                     .layout = info.layout,
                     .domain = info.domain,
                     .channels = info.channels,
                     .extent = info.extent},
                    {.variant = latent.variant, .noisy = latent.noisy});
  if (found.ok() || found.ailment == tae::Ailment::kNonfinite) return;
  told_ = true;
  PostWarning(element, {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT},
              "These latents look wrong: " + found.sentence + ". Try " +
                  found.fix + ".");
}

}  // namespace taegst
