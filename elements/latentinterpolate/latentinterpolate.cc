/**
 * SECTION:element-latentinterpolate
 * @title: latentinterpolate
 * @short_description: Slow motion: latents between the steps
 *
 * Puts latents between those of successive steps, so that a generation of 20
 * steps becomes a fluid film. Their rate is the framerate that downstream asks
 * for, 30 a second where it asks for none; their number follows from the
 * timestamps.
 *
 * Nothing is put between two generations, after a final latent, or between
 * latents of different caps: the last one goes out as it came, at the begin and
 * in the last frames of its time (`videorate` behind the decoder repeats its
 * picture, which costs less than decoding it again). #GstLatentInterpolate:hold
 * says how long that is. The meta `latent-step` of a latent in between has the
 * step that was reached, `between` (how far it is to the next one, in (0,1)),
 * and the sigma and timestep of that place.
 *
 * Noisy latents (pred=x in the caps) become estimates of the clean one first,
 * as taedecode makes them, for only these can be gone between: the caps then
 * say pred=x0.
 *
 * A latent waits for the next one; that is the element's latency.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 latentsrc num-buffers=20 steps=20 ! latentinterpolate ! \
 *   taedecode ! videoconvert ! autovideosink
 * ]| A demo generation, 30 pictures a second.
 * |[
 * gst-launch-1.0 latentsrc location=run.safetensors step-time=500000000 ! \
 *   latentinterpolate ! video/x-latent,framerate=60/1 ! taedecode ! \
 *   videoconvert ! vp9enc ! webmmux ! filesink location=slow.webm
 * ]| A recording with half a second a step, 60 pictures a second.
 *
 * Since: 0.1
 */
#include "latentinterpolate/latentinterpolate.h"

#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "common/guard.h"
#include "common/status_gst.h"
#include "latentinterpolate/clean_estimate.h"
#include "latentinterpolate/tween.h"
#include "latentinterpolate/tween_caps.h"

GST_DEBUG_CATEGORY_STATIC(gst_latent_interpolate_debug);
#define GST_CAT_DEFAULT gst_latent_interpolate_debug

namespace {

constexpr auto kDefaultMethod = tae::Interpolation::kLinear;

// What the streaming thread has between start and stop.
struct State {
  State(tae::Interpolation how, GstClockTime hold) : tween(how, hold) {}
  std::optional<taegst::CleanEstimate> clean;  // where latents are noisy
  taegst::Tween tween;
  // Events that came after the latent which waits; they follow its frames.
  std::vector<taegst::GstPtr<GstEvent>> events;
};

struct Private {
  std::mutex mutex;  // of method, hold and latency
  tae::Interpolation method = kDefaultMethod;
  GstClockTime hold = 0;
  GstClockTime latency = 0;
  std::unique_ptr<State> state;
};

}  // namespace

struct _GstLatentInterpolate {
  GstBaseTransform parent;
  Private* priv;
};

G_DEFINE_TYPE(GstLatentInterpolate, gst_latent_interpolate,
              GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(latentinterpolate, "latentinterpolate",
                            GST_RANK_NONE, GST_TYPE_LATENT_INTERPOLATE)

#define PARENT_CLASS \
  GST_BASE_TRANSFORM_CLASS(gst_latent_interpolate_parent_class)
#define LATENT_CAPS TAE_LATENT_CAPS "; " TAE_TENSORS_CAPS
#define OUTPUT_RATE "framerate=(fraction)[1/1,240/1]"  // as tween_caps.cc

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(LATENT_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(TAE_LATENT_CAPS "," OUTPUT_RATE "; " TAE_TENSORS_CAPS
                                    "," OUTPUT_RATE));

enum { kPropMethod = 1, kPropHold };

static GType method_get_type() {
  static const GEnumValue values[] = {
      {int(tae::Interpolation::kLinear), "Straight from latent to latent",
       "linear"},
      {int(tae::Interpolation::kSpherical),
       "On the arc between them, which keeps the norm", "spherical"},
      {0, nullptr, nullptr}};
  static const GType type = [] {
    if (const GType known = g_type_from_name("GstLatentInterpolateMethod"))
      return known;
    const GType made =
        g_enum_register_static("GstLatentInterpolateMethod", values);
    gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
    return made;
  }();
  return type;
}

static GstCaps* gst_latent_interpolate_transform_caps(GstBaseTransform* base,
                                                      GstPadDirection direction,
                                                      GstCaps* caps,
                                                      GstCaps* filter) {
  return taegst::Guard(GST_ELEMENT(base), static_cast<GstCaps*>(nullptr), [&] {
    return taegst::TweenCaps(direction, caps, filter);
  });
}

static GstCaps* gst_latent_interpolate_fixate_caps(GstBaseTransform* base,
                                                   GstPadDirection direction,
                                                   GstCaps* caps,
                                                   GstCaps* other) {
  other = gst_caps_make_writable(gst_caps_truncate(other));
  GstStructure* s = gst_caps_get_structure(other, 0);
  gst_structure_fixate_field_nearest_fraction(s, "framerate", 30, 1);
  return PARENT_CLASS->fixate_caps(base, direction, caps, other);
}

static gboolean gst_latent_interpolate_set_caps(GstBaseTransform* base,
                                                GstCaps* in, GstCaps* out) {
  auto* self = GST_LATENT_INTERPOLATE(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    auto info = taegst::LatentInfoFromCaps(in);
    if (!info.ok()) {
      taegst::PostError(GST_ELEMENT(self), info.status(),
                        taegst::Subject::kLatent);
      return FALSE;
    }
    int fps_n = 0;
    int fps_d = 1;
    const GstStructure* s = gst_caps_get_structure(out, 0);
    if (!gst_structure_get_fraction(s, "framerate", &fps_n, &fps_d) ||
        fps_n <= 0 || fps_d <= 0)
      return FALSE;
    State* state = self->priv->state.get();
    state->clean.reset();
    if (taegst::CanDenoise(*info)) state->clean.emplace(*info);
    state->tween.SetFormat(*info, fps_n, fps_d);
    if (info->fps_n > 0 && info->fps_d > 0) {
      std::lock_guard lock(self->priv->mutex);
      self->priv->latency = gst_util_uint64_scale(
          GST_SECOND, guint64(info->fps_d), guint64(info->fps_n));
    }
    return TRUE;
  });
}

static void forward_events(GstLatentInterpolate* self) {
  std::vector<taegst::GstPtr<GstEvent>> events;
  events.swap(self->priv->state->events);
  for (auto& event : events)
    PARENT_CLASS->sink_event(GST_BASE_TRANSFORM(self), event.release());
}

// The pipeline has to know when a step takes longer than any before.
static void report_latency(GstLatentInterpolate* self) {
  const GstClockTime longest = self->priv->state->tween.longest_step();
  {
    std::lock_guard lock(self->priv->mutex);
    if (longest <= self->priv->latency) return;
    self->priv->latency = longest;
  }
  gst_element_post_message(GST_ELEMENT(self),
                           gst_message_new_latency(GST_OBJECT(self)));
}

static GstFlowReturn fail(GstLatentInterpolate* self,
                          const tae::Status& status) {
  taegst::PostError(GST_ELEMENT(self), status, taegst::Subject::kLatent);
  return GST_FLOW_ERROR;
}

static tae::Status push(State* state, taegst::GstPtr<GstBuffer> latent) {
  if (!state->clean) return state->tween.Push(std::move(latent));
  auto clean = state->clean->Of(std::move(latent));
  if (!clean.ok()) return clean.status();
  return state->tween.Push(*std::move(clean));
}

// Called for each latent until it gives nothing more.
static GstFlowReturn gst_latent_interpolate_generate_output(
    GstBaseTransform* base, GstBuffer** out) {
  auto* self = GST_LATENT_INTERPOLATE(base);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    taegst::Tween* tween = &self->priv->state->tween;
    *out = nullptr;
    if (base->queued_buf != nullptr) {
      const tae::Status status = push(
          self->priv->state.get(),
          taegst::GstPtr<GstBuffer>(std::exchange(base->queued_buf, nullptr)));
      if (!status.ok()) return fail(self, status);
    }
    auto next = tween->Pull();
    if (!next.ok()) return fail(self, next.status());
    *out = next->release();
    if (*out == nullptr) forward_events(self);
    report_latency(self);
    return GST_FLOW_OK;
  });
}

// The latent that still waits: nothing will continue it.
static void drain(GstLatentInterpolate* self) {
  taegst::Tween* tween = &self->priv->state->tween;
  tween->EndGeneration();
  for (auto last = tween->Pull(); last.ok() && *last; last = tween->Pull())
    gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), last->release());
  forward_events(self);
}

static bool has_other_caps(GstLatentInterpolate* self, GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const taegst::GstPtr<GstCaps> current(
      gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(self)));
  return !current || !gst_caps_is_equal(caps, current.get());
}

// Whether the event was kept for later.
static bool keep_or_drain(GstLatentInterpolate* self, GstEvent* event) {
  State* state = self->priv->state.get();
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_STOP:
      state->tween.Reset();
      state->events.clear();
      return false;
    case GST_EVENT_CAPS:
      if (has_other_caps(self, event)) drain(self);
      return false;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_SEGMENT:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
      drain(self);
      state->tween.Reset();
      return false;
    default:
      if (!state->tween.pending()) return false;
      state->events.emplace_back(event);
      return true;
  }
}

static gboolean gst_latent_interpolate_sink_event(GstBaseTransform* base,
                                                  GstEvent* event) {
  auto* self = GST_LATENT_INTERPOLATE(base);
  const bool kept = self->priv->state != nullptr &&
                    GST_EVENT_IS_SERIALIZED(event) &&
                    taegst::Guard(GST_ELEMENT(self), false,
                                  [&] { return keep_or_drain(self, event); });
  return kept || PARENT_CLASS->sink_event(base, event);
}

static void add_latency(GstLatentInterpolate* self, GstQuery* query) {
  gboolean live = FALSE;
  GstClockTime min = 0;
  GstClockTime max = GST_CLOCK_TIME_NONE;
  gst_query_parse_latency(query, &live, &min, &max);
  std::lock_guard lock(self->priv->mutex);
  const GstClockTime own = self->priv->latency;
  gst_query_set_latency(query, live, min + own,
                        GST_CLOCK_TIME_IS_VALID(max) ? max + own : max);
}

static gboolean gst_latent_interpolate_query(GstBaseTransform* base,
                                             GstPadDirection direction,
                                             GstQuery* query) {
  auto* self = GST_LATENT_INTERPOLATE(base);
  const gboolean answered = PARENT_CLASS->query(base, direction, query);
  if (!answered) return FALSE;
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) add_latency(self, query);
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS && direction == GST_PAD_SINK)
    taegst::ForgetRate(query);
  return TRUE;
}

static gboolean gst_latent_interpolate_start(GstBaseTransform* base) {
  auto* self = GST_LATENT_INTERPOLATE(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    std::lock_guard lock(self->priv->mutex);
    self->priv->latency = 0;
    self->priv->state =
        std::make_unique<State>(self->priv->method, self->priv->hold);
    return TRUE;
  });
}

static gboolean gst_latent_interpolate_stop(GstBaseTransform* base) {
  GST_LATENT_INTERPOLATE(base)->priv->state.reset();
  return TRUE;
}

static void gst_latent_interpolate_set_property(GObject* object, guint id,
                                                const GValue* value,
                                                GParamSpec* pspec) {
  Private* priv = GST_LATENT_INTERPOLATE(object)->priv;
  std::lock_guard lock(priv->mutex);
  if (id == kPropMethod)
    priv->method = tae::Interpolation(g_value_get_enum(value));
  else if (id == kPropHold)
    priv->hold = g_value_get_uint64(value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_latent_interpolate_get_property(GObject* object, guint id,
                                                GValue* value,
                                                GParamSpec* pspec) {
  Private* priv = GST_LATENT_INTERPOLATE(object)->priv;
  std::lock_guard lock(priv->mutex);
  if (id == kPropMethod)
    g_value_set_enum(value, int(priv->method));
  else if (id == kPropHold)
    g_value_set_uint64(value, priv->hold);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_latent_interpolate_finalize(GObject* object) {
  delete GST_LATENT_INTERPOLATE(object)->priv;
  G_OBJECT_CLASS(gst_latent_interpolate_parent_class)->finalize(object);
}

static void gst_latent_interpolate_init(GstLatentInterpolate* self) {
  self->priv = new Private;
  // Without a function `transform` the base class believes that we change
  // nothing, not even the framerate.
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), FALSE);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), FALSE);
}

static void set_vfuncs(GstBaseTransformClass* klass) {
  klass->transform_caps =
      GST_DEBUG_FUNCPTR(gst_latent_interpolate_transform_caps);
  klass->fixate_caps = GST_DEBUG_FUNCPTR(gst_latent_interpolate_fixate_caps);
  klass->set_caps = GST_DEBUG_FUNCPTR(gst_latent_interpolate_set_caps);
  klass->generate_output =
      GST_DEBUG_FUNCPTR(gst_latent_interpolate_generate_output);
  klass->sink_event = GST_DEBUG_FUNCPTR(gst_latent_interpolate_sink_event);
  klass->query = GST_DEBUG_FUNCPTR(gst_latent_interpolate_query);
  klass->start = GST_DEBUG_FUNCPTR(gst_latent_interpolate_start);
  klass->stop = GST_DEBUG_FUNCPTR(gst_latent_interpolate_stop);
  klass->passthrough_on_same_caps = FALSE;
}

static void gst_latent_interpolate_class_init(
    GstLatentInterpolateClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_latent_interpolate_debug, "latentinterpolate", 0,
                          "latents between the steps");
  taegst::RegisterLatentStepMeta();
  constexpr auto kFlags = GParamFlags(
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  object_class->set_property = gst_latent_interpolate_set_property;
  object_class->get_property = gst_latent_interpolate_get_property;
  object_class->finalize = gst_latent_interpolate_finalize;
  g_object_class_install_property(
      object_class, kPropMethod,
      g_param_spec_enum("method", "Method", "How to go from latent to latent",
                        method_get_type(), int(kDefaultMethod), kFlags));
  g_object_class_install_property(
      object_class, kPropHold,
      g_param_spec_uint64(
          "hold", "Hold",
          "How long the last latent of a generation is shown before the next "
          "generation begins (nanoseconds, 0 = as the timestamps say)",
          0, 3600 * GST_SECOND, 0, kFlags));
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Latent interpolator", "Filter/Effect/Video",
      "Puts latents between the steps: slow motion", "The tae authors");
  set_vfuncs(GST_BASE_TRANSFORM_CLASS(klass));
}
