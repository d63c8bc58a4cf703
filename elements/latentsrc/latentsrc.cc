/**
 * SECTION:element-latentsrc
 * @title: latentsrc
 * @short_description: Latents of running programs, of files, or of a demo
 *
 * Without #GstLatentSrc:location, a generation from seeded noise to a picture,
 * then the next one, for ever. With it, the latents of files, or of programs
 * that connect while they generate (examples/taps/): these are never held up.
 * When what follows is slower than they are, only the newest latent is kept,
 * and the last 16 final ones; #GstLatentSrc:stats counts the others.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 latentsrc ! taedecode ! videoconvert ! autovideosink
 * ]| A demo generation in a window.
 * |[
 * gst-launch-1.0 latentsrc location=steps/ ! taedecode ! videoconvert ! \
 *   autovideosink
 * ]| The latents of a folder.
 * |[
 * gst-launch-1.0 latentsrc location=unix:/tmp/tae.sock ! taedecode ! \
 *   videoconvert ! autovideosink
 * ]| What a program on this machine generates.
 *
 * Since: 0.1
 */
#include "latentsrc/latentsrc.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "common/guard.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "common/status_gst.h"
#include "common/variant_enum.h"
#include "latentsrc/demo_supply.h"
#include "latentsrc/file_supply.h"
#include "latentsrc/latent_files.h"
#include "latentsrc/source_settings.h"
#include "latentsrc/stream_supply.h"

GST_DEBUG_CATEGORY_STATIC(gst_latent_src_debug);
#define GST_CAT_DEFAULT gst_latent_src_debug

namespace {

using taegst::SourceSettings;

// Between start and stop; the streaming thread's own.
struct State {
  guint64 number = 0;         // of the next latent
  taegst::LatentInfo info;    // of the caps that are set
  std::string generation;     // of the latent before
  std::optional<guint> step;  // of the latent before
};

struct Private {
  std::mutex mutex;  // of settings and of the pointer `supply`
  SourceSettings settings;
  std::shared_ptr<taegst::LatentSupply> supply;
  std::atomic<guint64> step_time{0};  // of a latent, set by start
  std::atomic<bool> streams{false};   // paced by producers, set by start
  State state;
};

}  // namespace

struct _GstLatentSrc {
  GstPushSrc parent;
  Private* priv;
};

G_DEFINE_TYPE(GstLatentSrc, gst_latent_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE(latentsrc, "latentsrc", GST_RANK_NONE,
                            GST_TYPE_LATENT_SRC)

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(TAE_LATENT_CAPS "; " TAE_TENSORS_CAPS));

static std::shared_ptr<taegst::LatentSupply> supply_of(GstLatentSrc* self) {
  std::lock_guard lock(self->priv->mutex);
  return self->priv->supply;
}

// Nothing that we can make is taken there.
static void refuse(GstLatentSrc* self, GstCaps* allowed) {
  const taegst::GstPtr<char> taken(gst_caps_to_string(allowed));
  int set;
  {
    std::lock_guard lock(self->priv->mutex);
    set = self->priv->settings.variant;
  }
  const std::string variant(taegst::VariantName(set));
  taegst::PostError(
      GST_ELEMENT(self),
      tae::Unsupported("The demo has no latent " +
                       (variant.empty() ? std::string("of any space")
                                        : "of variant " + variant) +
                       " that is taken downstream: " +
                       std::string(taken.get()).substr(0, 300)),
      taegst::Subject::kLatent);
}

static gboolean gst_latent_src_negotiate(GstBaseSrc* base) {
  auto* self = GST_LATENT_SRC(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    const auto supply = supply_of(self);
    if (!supply || supply->caps_come_with_latents()) return TRUE;
    GstPad* pad = GST_BASE_SRC_PAD(base);
    taegst::GstPtr<GstCaps> allowed(gst_pad_get_allowed_caps(pad));
    if (!allowed) allowed.reset(gst_pad_get_pad_template_caps(pad));
    taegst::GstPtr<GstCaps> caps = supply->Negotiate(allowed.get());
    if (!caps) {
      refuse(self, allowed.get());
      return FALSE;
    }
    gint n = 0, d = 1;
    const GstStructure* s = gst_caps_get_structure(caps.get(), 0);
    if (gst_structure_get_fraction(s, "framerate", &n, &d) && n > 0)
      self->priv->step_time = gst_util_uint64_scale(GST_SECOND, d, n);
    return gst_base_src_set_caps(base, caps.get());
  });
}

// Caps of a latent that says its own, when they changed.
static bool set_caps(GstLatentSrc* self, taegst::LatentInfo info) {
  State* state = &self->priv->state;
  if (!self->priv->streams)
    gst_util_double_to_fraction(
        double(GST_SECOND) / double(self->priv->step_time), &info.fps_n,
        &info.fps_d);
  if (info == state->info) return true;
  taegst::GstPtr<GstCaps> caps = taegst::LatentInfoToCaps(info);
  if (!gst_base_src_set_caps(GST_BASE_SRC(self), caps.get())) return false;
  state->info = info;
  return true;
}

// Whether a latent is the first of its generation.
static bool begins_generation(State* state, const taegst::LatentStep& step) {
  const bool goes_back = step.step && state->step && *step.step < *state->step;
  const bool other = step.prompt_id != state->generation;
  state->generation = step.prompt_id;
  state->step = step.step;
  return goes_back || other || state->number == 0;
}

// Marks a generation's first latent, and sends its tags before it. The base
// class's own function queues them; gst_element_send_event() would wait for the
// state lock, whose owner may be waiting for this thread.
static void announce(GstLatentSrc* self, taegst::SuppliedLatent* latent) {
  State* state = &self->priv->state;
  if (!begins_generation(state, latent->step)) return;
  if (state->number > 0)
    GST_BUFFER_FLAG_SET(latent->buffer.get(), GST_BUFFER_FLAG_DISCONT);
  if (latent->tags && !gst_tag_list_is_empty(latent->tags.get()))
    GST_ELEMENT_CLASS(gst_latent_src_parent_class)
        ->send_event(GST_ELEMENT(self),
                     gst_event_new_tag(latent->tags.release()));
}

static GstFlowReturn finish(GstLatentSrc* self, taegst::SuppliedLatent latent,
                            bool own_caps, GstBuffer** out) {
  State* state = &self->priv->state;
  if (own_caps && !set_caps(self, latent.info)) return GST_FLOW_NOT_NEGOTIATED;
  announce(self, &latent);
  GstBuffer* buffer = latent.buffer.get();
  taegst::SetLatentStep(buffer, latent.step);
  if (!self->priv->streams) {
    GST_BUFFER_PTS(buffer) = state->number * self->priv->step_time;
    GST_BUFFER_DURATION(buffer) = self->priv->step_time;
  }
  GST_BUFFER_OFFSET(buffer) = state->number++;
  *out = latent.buffer.release();
  return GST_FLOW_OK;
}

static GstFlowReturn gst_latent_src_create(GstPushSrc* push, GstBuffer** out) {
  auto* self = GST_LATENT_SRC(push);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    const auto supply = supply_of(self);
    if (!supply) return GST_FLOW_FLUSHING;
    taegst::SuppliedLatent latent;
    const tae::StatusOr<taegst::Supplied> next = supply->Next(&latent);
    if (!next.ok()) {
      taegst::PostError(GST_ELEMENT(self), next.status(),
                        taegst::Subject::kInput);
      return GST_FLOW_ERROR;
    }
    if (*next == taegst::Supplied::kFlushing) return GST_FLOW_FLUSHING;
    if (*next == taegst::Supplied::kEnd) return GST_FLOW_EOS;
    return finish(self, std::move(latent), supply->caps_come_with_latents(),
                  out);
  });
}

using SupplyPtr = std::shared_ptr<taegst::LatentSupply>;

static tae::StatusOr<SupplyPtr> make_supply(GstLatentSrc* self,
                                            const SourceSettings& settings) {
  const std::string variant(taegst::VariantName(settings.variant));
  const taegst::Warn warn = [self](const tae::Status& status) {
    taegst::PostWarning(
        GST_ELEMENT(self),
        taegst::GstErrorCodeOf(status.code(), taegst::Subject::kInput),
        status.message());
  };
  if (settings.location.empty()) {
    taegst::DemoSettings demo = settings.demo;
    demo.variant = variant;
    return SupplyPtr(std::make_shared<taegst::DemoSupply>(demo));
  }
  if (taegst::IsStreamLocation(settings.location)) {
    auto stream =
        taegst::StreamSupply::Open({.location = settings.location,
                                    .variant = variant,
                                    .allow_remote = settings.allow_remote,
                                    .max_bytes = settings.max_bytes},
                                   warn);
    if (!stream.ok()) return stream.status();
    return SupplyPtr(*std::move(stream));
  }
  tae::StatusOr<std::vector<std::string>> files =
      taegst::ListLatentFiles(settings.location);
  if (!files.ok()) return files.status();
  const taegst::FileSettings file{
      .variant = variant,
      .continue_on_error = settings.continue_on_error,
      .max_bytes = settings.max_bytes};
  return SupplyPtr(
      std::make_shared<taegst::FileSupply>(*std::move(files), file, warn));
}

static gboolean gst_latent_src_start(GstBaseSrc* base) {
  auto* self = GST_LATENT_SRC(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    Private* priv = self->priv;
    SourceSettings settings;
    {
      std::lock_guard lock(priv->mutex);
      settings = priv->settings;
    }
    priv->state = {};
    priv->step_time = settings.demo.step_time;
    priv->streams = taegst::IsStreamLocation(settings.location);
    auto supply = make_supply(self, settings);
    if (!supply.ok()) {
      taegst::PostError(GST_ELEMENT(self), supply.status(),
                        taegst::Subject::kInput);
      return FALSE;
    }
    std::lock_guard lock(priv->mutex);
    priv->supply = *std::move(supply);
    return TRUE;
  });
}

static gboolean gst_latent_src_stop(GstBaseSrc* base) {
  Private* priv = GST_LATENT_SRC(base)->priv;
  std::shared_ptr<taegst::LatentSupply> supply;  // goes without the lock
  {
    std::lock_guard lock(priv->mutex);
    supply.swap(priv->supply);
  }
  priv->state = {};
  return TRUE;
}

static gboolean gst_latent_src_unlock(GstBaseSrc* base) {
  if (const auto supply = supply_of(GST_LATENT_SRC(base))) supply->Unlock();
  return TRUE;
}

static gboolean gst_latent_src_unlock_stop(GstBaseSrc* base) {
  if (const auto supply = supply_of(GST_LATENT_SRC(base))) supply->UnlockStop();
  return TRUE;
}

static gboolean gst_latent_src_is_seekable(GstBaseSrc* base) {
  return !gst_base_src_is_live(base);
}

static gboolean gst_latent_src_do_seek(GstBaseSrc* base, GstSegment* segment) {
  auto* self = GST_LATENT_SRC(base);
  State* state = &self->priv->state;
  const auto supply = supply_of(self);
  if (self->priv->streams || !supply) return TRUE;
  const guint64 number = segment->position / self->priv->step_time;
  if (!supply->Seek(number)) return FALSE;
  state->number = number;
  segment->position = number * self->priv->step_time;
  segment->time = segment->start;
  return TRUE;
}

static void gst_latent_src_get_times(GstBaseSrc* base, GstBuffer* buffer,
                                     GstClockTime* start, GstClockTime* end) {
  *start = *end = GST_CLOCK_TIME_NONE;
  if (!gst_base_src_is_live(base) || !GST_BUFFER_PTS_IS_VALID(buffer) ||
      !GST_BUFFER_DURATION_IS_VALID(buffer))
    return;
  *start = GST_BUFFER_PTS(buffer);
  *end = *start + GST_BUFFER_DURATION(buffer);
}

static gboolean gst_latent_src_query(GstBaseSrc* base, GstQuery* query) {
  auto* self = GST_LATENT_SRC(base);
  const guint64 step_time = self->priv->step_time;
  if (GST_QUERY_TYPE(query) == GST_QUERY_DURATION) {
    GstFormat format;
    gst_query_parse_duration(query, &format, nullptr);
    const auto supply = supply_of(self);
    const auto count = supply ? supply->count() : std::nullopt;
    if (format == GST_FORMAT_TIME && count) {
      gst_query_set_duration(query, format, gint64(*count * step_time));
      return TRUE;
    }
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) {
    // What the clock paces is there when its time is over.
    const bool live = gst_base_src_is_live(base);
    const guint64 latent = live && !self->priv->streams ? step_time : 0;
    gst_query_set_latency(query, live, latent, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_BASE_SRC_CLASS(gst_latent_src_parent_class)->query(base, query);
}

// Producers set the pace of a stream: it is live, with the time of arrival.
static void update_pace(GstLatentSrc* self) {
  bool streams, live;
  {
    std::lock_guard lock(self->priv->mutex);
    streams = taegst::IsStreamLocation(self->priv->settings.location);
    live = streams || self->priv->settings.is_live;
  }
  gst_base_src_set_live(GST_BASE_SRC(self), live);
  gst_base_src_set_do_timestamp(GST_BASE_SRC(self), streams);
}

static void gst_latent_src_set_property(GObject* object, guint id,
                                        const GValue* value,
                                        GParamSpec* pspec) {
  auto* self = GST_LATENT_SRC(object);
  {
    std::lock_guard lock(self->priv->mutex);
    if (!taegst::SetSourceSetting(&self->priv->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  update_pace(self);
}

static GstStructure* make_stats(GstLatentSrc* self) {
  GstStructure* stats = gst_structure_new_empty("latentsrc-stats");
  if (const auto supply = supply_of(self)) supply->AddStats(stats);
  return stats;
}

static void gst_latent_src_get_property(GObject* object, guint id,
                                        GValue* value, GParamSpec* pspec) {
  auto* self = GST_LATENT_SRC(object);
  if (id == taegst::kSourceStats)
    return g_value_take_boxed(value, make_stats(self));
  std::lock_guard lock(self->priv->mutex);
  if (!taegst::GetSourceSetting(self->priv->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_latent_src_finalize(GObject* object) {
  delete GST_LATENT_SRC(object)->priv;
  G_OBJECT_CLASS(gst_latent_src_parent_class)->finalize(object);
}

static void gst_latent_src_class_init(GstLatentSrcClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_SRC_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_latent_src_debug, "latentsrc", 0, "latents");
  object_class->set_property = gst_latent_src_set_property;
  object_class->get_property = gst_latent_src_get_property;
  object_class->finalize = gst_latent_src_finalize;
  taegst::InstallSourceProperties(object_class);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Latent source", "Source/Video",
      "Latents of running programs, of files, or of a demo", "The tae authors");
  base_class->negotiate = GST_DEBUG_FUNCPTR(gst_latent_src_negotiate);
  base_class->start = GST_DEBUG_FUNCPTR(gst_latent_src_start);
  base_class->stop = GST_DEBUG_FUNCPTR(gst_latent_src_stop);
  base_class->unlock = GST_DEBUG_FUNCPTR(gst_latent_src_unlock);
  base_class->unlock_stop = GST_DEBUG_FUNCPTR(gst_latent_src_unlock_stop);
  base_class->is_seekable = GST_DEBUG_FUNCPTR(gst_latent_src_is_seekable);
  base_class->do_seek = GST_DEBUG_FUNCPTR(gst_latent_src_do_seek);
  base_class->get_times = GST_DEBUG_FUNCPTR(gst_latent_src_get_times);
  base_class->query = GST_DEBUG_FUNCPTR(gst_latent_src_query);
  GST_PUSH_SRC_CLASS(klass)->create = GST_DEBUG_FUNCPTR(gst_latent_src_create);
}

static void gst_latent_src_init(GstLatentSrc* self) {
  self->priv = new Private;
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
