#include "taedecode/output_size.h"

#include <algorithm>
#include <utility>

#include "taedecode/output_format.h"

namespace taegst {

std::vector<OutputSize> OfferedSizes(const QualitySettings& settings,
                                     tae::Extent latent, const GridShape& grid,
                                     int pixels_per_latent) {
  const int width = latent.width * pixels_per_latent * grid.columns;
  const int height = latent.height * pixels_per_latent * grid.rows;
  std::vector<OutputSize> sizes;
  OutputSize smallest{1, width, height, grid};
  for (const int scale : {1, 2, 4, 8}) {
    if (pixels_per_latent % scale != 0) break;
    smallest = {scale, width / scale, height / scale, grid};
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

namespace {

// The rates that all of `caps` name together; unset where any rate will do.
void UniteRates(const GstCaps* caps, GValue* rates) {
  for (guint i = 0; i < gst_caps_get_size(caps); ++i) {
    const GValue* rate =
        gst_structure_get_value(gst_caps_get_structure(caps, i), "framerate");
    GValue both = G_VALUE_INIT;
    if (rate == nullptr) {
      if (G_IS_VALUE(rates)) g_value_unset(rates);
      return;
    }
    if (!G_IS_VALUE(rates)) {
      gst_value_init_and_copy(rates, rate);
    } else if (gst_value_union(&both, rates, rate)) {
      g_value_unset(rates);
      *rates = both;
    }
  }
}

}  // namespace

void PreferFramerate(GstPad* pad, GstPtr<GstCaps>* latents) {
  const GstPtr<GstCaps> peer(gst_pad_peer_query_caps(pad, nullptr));
  GValue rates = G_VALUE_INIT;
  if (peer == nullptr || gst_caps_is_any(peer.get())) return;
  UniteRates(peer.get(), &rates);
  if (!G_IS_VALUE(&rates)) return;
  GstPtr<GstCaps> wanted(gst_caps_copy(latents->get()));
  gst_caps_set_value(wanted.get(), "framerate", &rates);
  g_value_unset(&rates);
  gst_caps_append(wanted.get(), latents->release());
  *latents = std::move(wanted);
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
