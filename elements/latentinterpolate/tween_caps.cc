#include "latentinterpolate/tween_caps.h"

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "latentinterpolate/clean_estimate.h"

namespace taegst {
namespace {

// What comes out of noisy latents is clean.
void SetClean(GstStructure* s) {
  const GstPtr<GstCaps> caps(gst_caps_new_full(gst_structure_copy(s), nullptr));
  if (!gst_caps_is_fixed(caps.get())) return;
  const auto info = LatentInfoFromCaps(caps.get());
  if (info.ok() && CanDenoise(*info))
    gst_structure_set(s, "pred", G_TYPE_STRING, "x0", nullptr);
}

}  // namespace

GstCaps* TweenCaps(GstPadDirection direction, GstCaps* caps, GstCaps* filter) {
  GstPtr<GstCaps> other(gst_caps_copy(caps));
  for (guint i = 0; i < gst_caps_get_size(other.get()); ++i) {
    GstStructure* s = gst_caps_get_structure(other.get(), i);
    if (direction == GST_PAD_SINK) {
      SetClean(s);
      gst_structure_set(s, "framerate", GST_TYPE_FRACTION_RANGE, 1, 1, 240, 1,
                        nullptr);
    } else {
      gst_structure_remove_fields(s, "framerate", "pred", nullptr);
    }
  }
  if (filter == nullptr) return other.release();
  return gst_caps_intersect_full(filter, other.get(), GST_CAPS_INTERSECT_FIRST);
}

void ForgetRate(GstQuery* query) {
  GstCaps* filter = nullptr;
  GstCaps* result = nullptr;
  gst_query_parse_caps(query, &filter);
  gst_query_parse_caps_result(query, &result);
  GstPtr<GstCaps> caps(gst_caps_copy(result));
  for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i)
    gst_structure_remove_field(gst_caps_get_structure(caps.get(), i),
                               "framerate");
  caps.reset(gst_caps_simplify(caps.release()));
  if (filter != nullptr)
    caps.reset(
        gst_caps_intersect_full(filter, caps.get(), GST_CAPS_INTERSECT_FIRST));
  gst_query_set_caps_result(query, caps.get());
}

}  // namespace taegst
