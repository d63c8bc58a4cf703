/**
 * SECTION:element-latentsrc
 * @title: latentsrc
 * @short_description: Latents of running programs, of files, or of a demo
 *
 * Without #GstLatentSrc:location, a generation from seeded noise to a picture,
 * then the next one, for ever. With it, the latents of files, or of programs
 * that connect while they generate (examples/taps/): these are never held up.
 * When what follows is slower than they are, only the newest latent is kept,
 * and the last 16 final ones; #GstLatentSrc:stats and QoS messages count the
 * others; #GstLatentSrc:keep-all is for recordings. Of 16 programs, one that is
 * silent or done makes room for another. Properties replace what latents say.
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
 * gst-launch-1.0 latentsrc location=unix: ! taedecode ! videoconvert ! \
 *   autovideosink
 * ]| What a program of yours generates on this machine: it sends to the same
 * socket, $XDG_RUNTIME_DIR/tae.sock.
 *
 * Since: 0.1
 */
#include "latentsrc/latentsrc.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/guard.h"
#include "common/latent_caps.h"
#include "common/latent_message.h"
#include "common/latent_meta.h"
#include "common/status_gst.h"
#include "latentsrc/demo_supply.h"
#include "latentsrc/listener.h"
#include "latentsrc/open_supply.h"
#include "latentsrc/source_events.h"
#include "latentsrc/source_settings.h"

GST_DEBUG_CATEGORY_STATIC(gst_latent_src_debug);
#define GST_CAT_DEFAULT gst_latent_src_debug

namespace {

using taegst::SourceSettings;

// Between start and stop; the streaming thread's own.
struct State {
  guint64 number = 0;             // of the next latent
  taegst::LatentInfo info;        // of the caps that are set
  std::string generation;         // of the latent before
  std::optional<guint> step;      // of the latent before
  std::string from;               // the program that sent it
  guint64 dropped = 0;            // as the last QoS message says
  std::set<std::string> refused;  // caps that were warned about
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
  std::string variant;
  {
    std::lock_guard lock(self->priv->mutex);
    variant = self->priv->settings.variant;
  }
  taegst::PostError(GST_ELEMENT(self), taegst::NoDemoIsTaken(variant, allowed),
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

// One program's caps that nobody takes are no reason to end the others' stream.
static void warn_refused(GstLatentSrc* self, const taegst::LatentInfo& info,
                         const std::string& from) {
  constexpr size_t kMostWarnings = 64;
  std::set<std::string>* refused = &self->priv->state.refused;
  const std::string caps = taegst::CapsText(info);
  if (refused->size() >= kMostWarnings || !refused->insert(caps).second) return;
  taegst::PostWarning(
      GST_ELEMENT(self), {GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION},
      "Latents of " + from + " are left out, for what follows does not take " +
          caps + "; set variant, domain or layout if they say it wrongly");
}

enum class CapsResult { kSet, kRefused, kFlushing };

// Caps of a latent that says its own, when they changed.
static CapsResult set_caps(GstLatentSrc* self, taegst::LatentInfo info) {
  State* state = &self->priv->state;
  GstPad* pad = GST_BASE_SRC_PAD(self);
  const bool streams = self->priv->streams;
  if (!streams)
    gst_util_double_to_fraction(
        double(GST_SECOND) / double(self->priv->step_time), &info.fps_n,
        &info.fps_d);
  if (info == state->info) return CapsResult::kSet;
  taegst::GstPtr<GstCaps> caps = taegst::LatentInfoToCaps(info);
  if ((streams && !gst_pad_peer_query_accept_caps(pad, caps.get())) ||
      !gst_base_src_set_caps(GST_BASE_SRC(self), caps.get()))
    return GST_PAD_IS_FLUSHING(pad) ? CapsResult::kFlushing
                                    : CapsResult::kRefused;
  // Downstream may refuse them yet. The base class ends the stream then, unless
  // it is to negotiate again.
  if (streams) gst_pad_mark_reconfigure(pad);
  state->info = info;
  return CapsResult::kSet;
}

// After the latent before was refused: its caps count as never set.
static void recover(GstLatentSrc* self) {
  State* state = &self->priv->state;
  if (!self->priv->streams || gst_pad_get_last_flow_return(GST_BASE_SRC_PAD(
                                  self)) != GST_FLOW_NOT_NEGOTIATED)
    return;
  warn_refused(self, state->info, state->from);
  state->info = {};
}

// Whether a latent is the first of its generation.
static bool begins_generation(State* state, const taegst::LatentStep& step) {
  const bool other =
      taegst::IsOtherGeneration(state->generation, state->step, step);
  state->generation = step.prompt_id;
  state->step = step.step;
  return other || state->number == 0;
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

static void finish(GstLatentSrc* self, taegst::SuppliedLatent latent,
                   GstBuffer** out) {
  State* state = &self->priv->state;
  announce(self, &latent);
  GstBuffer* buffer = latent.buffer.get();
  taegst::SetLatentStep(buffer, latent.step);
  if (!self->priv->streams) {
    GST_BUFFER_PTS(buffer) = state->number * self->priv->step_time;
    GST_BUFFER_DURATION(buffer) = self->priv->step_time;
  }
  GST_BUFFER_OFFSET(buffer) = state->number++;
  *out = latent.buffer.release();
}

// Says how many latents were left out since the last time.
static void report_dropped(GstLatentSrc* self,
                           const taegst::LatentSupply& supply) {
  State* state = &self->priv->state;
  const guint64 dropped = supply.dropped();
  if (std::exchange(state->dropped, dropped) == dropped) return;
  gst_element_post_message(
      GST_ELEMENT(self),
      taegst::DroppedMessage(GST_OBJECT(self), state->number, dropped));
}

// The next latent that is taken downstream.
static GstFlowReturn next_latent(GstLatentSrc* self,
                                 taegst::LatentSupply* supply,
                                 GstBuffer** out) {
  for (;;) {
    taegst::SuppliedLatent latent;
    const tae::StatusOr<taegst::Supplied> next = supply->Next(&latent);
    if (!next.ok()) {
      taegst::PostError(GST_ELEMENT(self), next.status(),
                        taegst::Subject::kInput);
      return GST_FLOW_ERROR;
    }
    if (*next == taegst::Supplied::kFlushing) return GST_FLOW_FLUSHING;
    report_dropped(self, *supply);
    if (*next == taegst::Supplied::kEnd) return GST_FLOW_EOS;
    if (supply->caps_come_with_latents()) {
      const CapsResult result = set_caps(self, latent.info);
      if (result == CapsResult::kFlushing) return GST_FLOW_FLUSHING;
      if (result == CapsResult::kRefused) {
        if (!self->priv->streams) return GST_FLOW_NOT_NEGOTIATED;
        warn_refused(self, latent.info, latent.from);
        continue;
      }
    }
    self->priv->state.from = latent.from;
    finish(self, std::move(latent), out);
    return GST_FLOW_OK;
  }
}

static GstFlowReturn gst_latent_src_create(GstPushSrc* push, GstBuffer** out) {
  auto* self = GST_LATENT_SRC(push);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    const auto supply = supply_of(self);
    if (!supply) return GST_FLOW_FLUSHING;
    recover(self);
    return next_latent(self, supply.get(), out);
  });
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
    auto supply =
        taegst::OpenSupply(settings, [self](const tae::Status& status) {
          taegst::PostWarning(
              GST_ELEMENT(self),
              taegst::GstErrorCodeOf(status.code(), taegst::Subject::kInput),
              status.message());
        });
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
  std::unique_lock lock(priv->mutex);
  const auto supply = std::exchange(priv->supply, nullptr);
  lock.unlock();  // the supply goes without it
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

static std::optional<GstClockTime> duration_of(GstLatentSrc* self) {
  const auto supply = supply_of(self);
  if (!supply || self->priv->streams) return std::nullopt;
  gint num_buffers = -1;
  g_object_get(self, "num-buffers", &num_buffers, nullptr);
  return taegst::DurationOf(supply->count(), num_buffers,
                            self->priv->step_time);
}

// For the base class, which counts seeks from the end by it.
static bool update_duration(GstLatentSrc* self) {
  const auto duration = duration_of(self);
  if (!duration) return false;
  GST_OBJECT_LOCK(self);
  GST_BASE_SRC(self)->segment.duration = *duration;
  GST_OBJECT_UNLOCK(self);
  return true;
}

// Refused before anything is flushed.
static bool refuses_seek(GstLatentSrc* self, GstEvent* event) {
  return GST_EVENT_TYPE(event) == GST_EVENT_SEEK &&
         !taegst::CanSeek(event, update_duration(self));
}

static gboolean gst_latent_src_event(GstBaseSrc* base, GstEvent* event) {
  auto* self = GST_LATENT_SRC(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    if (refuses_seek(self, event)) return FALSE;
    return GST_BASE_SRC_CLASS(gst_latent_src_parent_class)->event(base, event);
  });
}

static gboolean gst_latent_src_send_event(GstElement* element,
                                          GstEvent* event) {
  return taegst::Guard(element, gboolean(FALSE), [&]() -> gboolean {
    auto* self = GST_LATENT_SRC(element);
    const bool refused = refuses_seek(self, event);
    const auto supply = supply_of(self);
    const bool ends_later =
        GST_EVENT_TYPE(event) == GST_EVENT_EOS && supply && supply->Finish();
    if (refused || ends_later) {
      gst_event_unref(event);
      return ends_later;
    }
    return GST_ELEMENT_CLASS(gst_latent_src_parent_class)
        ->send_event(element, event);
  });
}

static gboolean gst_latent_src_do_seek(GstBaseSrc* base, GstSegment* segment) {
  auto* self = GST_LATENT_SRC(base);
  const auto supply = supply_of(self);
  if (self->priv->streams || !supply) return TRUE;
  if (segment->rate < 0) return FALSE;
  const guint64 number = segment->position / self->priv->step_time;
  if (!supply->Seek(number)) return FALSE;
  self->priv->state.number = number;
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

static gboolean answer_query(GstLatentSrc* self, GstQuery* query) {
  auto* base = GST_BASE_SRC(self);
  if (GST_QUERY_TYPE(query) == GST_QUERY_SEEKING) update_duration(self);
  if (GST_QUERY_TYPE(query) == GST_QUERY_DURATION) {
    GstFormat format;
    gst_query_parse_duration(query, &format, nullptr);
    if (format == GST_FORMAT_TIME) {
      const auto duration = duration_of(self);
      if (!duration) return FALSE;
      gst_query_set_duration(query, format, gint64(*duration));
      return TRUE;
    }
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) {
    // What the clock paces is there when its time is over.
    const bool live = gst_base_src_is_live(base);
    const guint64 latent =
        live && !self->priv->streams ? self->priv->step_time.load() : 0;
    gst_query_set_latency(query, live, latent, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_BASE_SRC_CLASS(gst_latent_src_parent_class)->query(base, query);
}

static gboolean gst_latent_src_query(GstBaseSrc* base, GstQuery* query) {
  return taegst::Guard(GST_ELEMENT(base), gboolean(FALSE), [&] {
    return answer_query(GST_LATENT_SRC(base), query);
  });
}

// Producers set the pace of a stream: it is live, with the time of arrival.
static void update_pace(GstLatentSrc* self) {
  std::unique_lock lock(self->priv->mutex);
  const bool streams = taegst::IsStreamLocation(self->priv->settings.location);
  const bool live = streams || self->priv->settings.is_live;
  lock.unlock();
  gst_base_src_set_live(GST_BASE_SRC(self), live);
  gst_base_src_set_do_timestamp(GST_BASE_SRC(self), streams);
}

static void gst_latent_src_set_property(GObject* object, guint id,
                                        const GValue* value,
                                        GParamSpec* pspec) {
  taegst::Guard(GST_ELEMENT(object), false, [&] {
    auto* self = GST_LATENT_SRC(object);
    std::unique_lock lock(self->priv->mutex);
    if (!taegst::SetSourceSetting(&self->priv->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    lock.unlock();
    update_pace(self);
    return true;
  });
}

static bool get_stats(GstLatentSrc* self, GValue* value) {
  GstStructure* stats = gst_structure_new_empty("latentsrc-stats");
  g_value_take_boxed(value, stats);
  if (const auto supply = supply_of(self)) supply->AddStats(stats);
  return true;
}

static void gst_latent_src_get_property(GObject* object, guint id,
                                        GValue* value, GParamSpec* pspec) {
  taegst::Guard(GST_ELEMENT(object), false, [&] {
    auto* self = GST_LATENT_SRC(object);
    if (id == taegst::kSourceStats) return get_stats(self, value);
    std::lock_guard lock(self->priv->mutex);
    if (!taegst::GetSourceSetting(self->priv->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    return true;
  });
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
  element_class->send_event = GST_DEBUG_FUNCPTR(gst_latent_src_send_event);
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
  base_class->event = GST_DEBUG_FUNCPTR(gst_latent_src_event);
  base_class->query = GST_DEBUG_FUNCPTR(gst_latent_src_query);
  GST_PUSH_SRC_CLASS(klass)->create = GST_DEBUG_FUNCPTR(gst_latent_src_create);
}

static void gst_latent_src_init(GstLatentSrc* self) {
  self->priv = new Private;
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
