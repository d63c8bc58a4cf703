/**
 * SECTION:element-latentparse
 * @title: latentparse
 * @short_description: Takes a stream or a file of latents apart
 *
 * Reads latents one after another, safetensors, `.npy` or ComfyUI's `.latent`
 * (decoder/io/LATENT_STREAM.md is the specification), and gives
 * `video/x-latent` with the meta `latent-step`. A new generation begins with
 * DISCONT and a TAG event. Files can be sought in, exactly: the headers say
 * where the latents lie. The framerate is that of the caps, else the first
 * message's `fps`, else #GstLatentParse:framerate.
 *
 * A stream that ends inside a message, or goes on with something else, gives
 * all latents before that and a warning that names the byte. A message that is
 * whole and cannot be shown ends a file with an error; of live input it is left
 * out, with a warning.
 *
 * ## Example launch lines
 * |[
 * gst-play-1.0 run.safetensors
 * ]| Plays a recorded generation.
 * |[
 * gst-launch-1.0 filesrc location=run.safetensors ! latentparse ! taedecode ! \
 *   videoconvert ! autovideosink
 * ]| The same, element by element.
 * |[
 * gst-launch-1.0 tcpserversrc port=5000 do-timestamp=true ! latentparse ! \
 *   taedecode ! videoconvert ! autovideosink
 * ]| One producer that connects to a port.
 *
 * Since: 0.1
 */
#include "latentparse/latentparse.h"

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "common/guard.h"
#include "common/latent_message.h"
#include "common/status_gst.h"
#include "latentparse/message_index.h"
#include "latentparse/parse_settings.h"
#include "tae/decoder.h"

GST_DEBUG_CATEGORY_STATIC(gst_latent_parse_debug);
#define GST_CAT_DEFAULT gst_latent_parse_debug

namespace {

constexpr guint kSmallestHeader = 10;

// Between start and stop; the streaming thread's own.
struct State {
  std::optional<bool> live;  // known with the first bytes
  tae::LatentLimits limits;
  int caps_fps_n = 0;  // of the sink pad's caps
  int caps_fps_d = 1;
  int fps_n = 0;  // of the whole stream, known with the first message
  int fps_d = 1;
  guint64 latents = 0;
  taegst::LatentInfo info;  // of the caps that are set
  std::string generation;
  std::optional<guint> last_step;
  std::set<std::string> said;  // warnings, once each
  bool pulls = false;          // the file is ours to read, and indexed
};

struct Private {
  std::mutex mutex;  // of settings and index
  taegst::ParseSettings settings;
  taegst::MessageIndex index;
  GstClockTime duration = 0;  // of a latent, with the first message
  State state;
};

}  // namespace

struct _GstLatentParse {
  GstBaseParse parent;
  Private* priv;
};

G_DEFINE_TYPE(GstLatentParse, gst_latent_parse, GST_TYPE_BASE_PARSE)
GST_ELEMENT_REGISTER_DEFINE(latentparse, "latentparse", GST_RANK_PRIMARY,
                            GST_TYPE_LATENT_PARSE)

#define PARENT_CLASS GST_BASE_PARSE_CLASS(gst_latent_parse_parent_class)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-safetensors; application/x-npy"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(TAE_LATENT_CAPS));

// The same is said once.
static void warn(GstLatentParse* self, const std::string& sentence) {
  constexpr size_t kMostWarnings = 64;
  const std::string text = taegst::Brief(sentence);
  std::set<std::string>* said = &self->priv->state.said;
  if (said->size() >= kMostWarnings || !said->insert(text).second) return;
  taegst::PostWarning(GST_ELEMENT(self),
                      {GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE}, text);
}

static std::string place_of(GstLatentParse* self, guint64 offset) {
  return "Latent " + std::to_string(self->priv->state.latents + 1) +
         ", at byte " + std::to_string(offset) + ": ";
}

static GstFlowReturn refuse(GstLatentParse* self, guint64 offset,
                            const tae::Status& why) {
  std::string text = why.message();
  if (self->priv->state.latents > 0) text = place_of(self, offset) + text;
  taegst::PostError(GST_ELEMENT(self), {why.code(), text},
                    taegst::Subject::kLatent);
  return GST_FLOW_ERROR;
}

// What does not begin like a latent: weights, mostly. After latents it is
// damage, and nothing marks where the next one begins.
static GstFlowReturn refuse_start(GstLatentParse* self, guint64 offset,
                                  const taegst::ReadMap& map,
                                  const tae::Status& why) {
  if (const guint64 latents = self->priv->state.latents; latents > 0) {
    warn(self, place_of(self, offset) + why.message() +
                   "; the stream ends here, the " + std::to_string(latents) +
                   " latents before it are complete");
    return GST_FLOW_EOS;
  }
  const std::string weights = tae::DescribeWeights(map.data(), map.size());
  if (weights.empty()) return refuse(self, offset, why);
  return refuse(self, offset,
                tae::Unsupported("these are " + weights +
                                 ", not a latent; weights belong into the "
                                 "property model-file of taedecode"));
}

// The message does not end within what there is. At the end of the stream that
// is a warning, if anything came before.
static GstFlowReturn want(GstLatentParse* self, const GstBaseParseFrame* frame,
                          guint64 bytes) {
  State* state = &self->priv->state;
  if (!GST_BASE_PARSE_DRAINING(self)) {
    gst_base_parse_set_min_frame_size(GST_BASE_PARSE(self), guint(bytes));
    return GST_FLOW_OK;
  }
  gst_base_parse_set_min_frame_size(GST_BASE_PARSE(self), kSmallestHeader);
  const tae::Status status =
      tae::DataLoss("the stream is truncated: it ends after " +
                    std::to_string(gst_buffer_get_size(frame->buffer)) +
                    " bytes of a message that begins at byte " +
                    std::to_string(frame->offset) + ", expected at least " +
                    std::to_string(bytes));
  if (state->latents == 0) return refuse(self, frame->offset, status);
  warn(self, status.message() + "; the " + std::to_string(state->latents) +
                 " latents before it are complete");
  return GST_FLOW_OK;
}

// An autoplugger locks the state of an element that it tries, and lets go once
// all is connected. Until then it drops the element's errors, and frames race
// with what it still connects (parsebin in 1.22); no other parser has its first
// frame as soon as ours, which is in the page cache.
static void wait_for_autoplugger(GstLatentParse* self) {
  constexpr int kMostMilliseconds = 200;
  for (int i = 0; i < kMostMilliseconds; ++i) {
    if (!gst_element_is_locked_state(GST_ELEMENT(self))) return;
    g_usleep(1000);
  }
}

// With the first message: how long a latent is shown, and where the others are.
static void begin_stream(GstLatentParse* self, const taegst::LatentInfo& info) {
  auto* parse = GST_BASE_PARSE(self);
  Private* priv = self->priv;
  State* state = &priv->state;
  GstPad* pad = GST_BASE_PARSE_SINK_PAD(parse);
  {
    std::lock_guard lock(priv->mutex);
    const bool said = info.fps_n > 0;
    const bool of_caps = state->caps_fps_n > 0;
    state->fps_n = of_caps ? state->caps_fps_n
                   : said  ? info.fps_n
                           : priv->settings.fps_n;
    state->fps_d = of_caps ? state->caps_fps_d
                   : said  ? info.fps_d
                           : priv->settings.fps_d;
    priv->duration = gst_util_uint64_scale(GST_SECOND, guint64(state->fps_d),
                                           guint64(state->fps_n));
  }
  gst_base_parse_set_frame_rate(parse, guint(state->fps_n), guint(state->fps_d),
                                0, 0);
  gint64 size = 0;
  state->pulls = GST_PAD_MODE(pad) == GST_PAD_MODE_PULL &&
                 gst_pad_peer_query_duration(pad, GST_FORMAT_BYTES, &size);
  if (!state->pulls) return;
  taegst::MessageIndex index =
      taegst::ScanMessages(pad, guint64(size), state->limits);
  for (size_t i = 0; i < index.count(); ++i)
    gst_base_parse_add_index_entry(parse, index.BeginOf(i), i * priv->duration,
                                   TRUE, TRUE);
  GST_INFO_OBJECT(self,
                  "%zu latents in %" G_GUINT64_FORMAT " of %" G_GINT64_FORMAT
                  " bytes",
                  index.count(), index.end(), size);
  gst_base_parse_set_duration(parse, GST_FORMAT_TIME,
                              gint64(index.count() * priv->duration), 0);
  std::lock_guard lock(priv->mutex);
  priv->index = std::move(index);
}

// Whether a latent is the first of its generation; the stream's first is not.
static bool begins_generation(State* state, const taegst::LatentStep& step) {
  const bool other =
      taegst::IsOtherGeneration(state->generation, state->last_step, step);
  state->generation = step.prompt_id;
  state->last_step = step.step;
  return state->latents > 0 && other;
}

// The payload as a buffer of its own.
static taegst::GstPtr<GstBuffer> make_latent(const tae::LatentHeader& header,
                                             GstBuffer* message, size_t size) {
  if (!header.converts())
    return taegst::GstPtr<GstBuffer>(gst_buffer_copy_region(
        message, GST_BUFFER_COPY_MEMORY, header.begin, size));
  taegst::GstPtr<GstBuffer> latent(
      gst_buffer_new_allocate(nullptr, header.payload_size, nullptr));
  const taegst::ReadMap stored(message);
  GstMapInfo payload;
  if (!latent || !stored.ok() ||
      !gst_buffer_map(latent.get(), &payload, GST_MAP_WRITE))
    return nullptr;
  tae::ConvertPayload(header,
                      static_cast<const guint8*>(stored.data()) + header.begin,
                      payload.data);
  gst_buffer_unmap(latent.get(), &payload);
  gst_buffer_set_size(latent.get(), gssize(size));
  return latent;
}

static void set_caps(GstLatentParse* self, const taegst::LatentInfo& info) {
  State* state = &self->priv->state;
  if (state->latents > 0 && info == state->info) return;
  gst_pad_set_caps(GST_BASE_PARSE_SRC_PAD(self),
                   taegst::LatentInfoToCaps(info).get());
  state->info = info;
}

// What holds for the generation, and names for programs that list streams.
static taegst::GstPtr<GstTagList> tags_of(const tae::LatentHeader& header,
                                          const taegst::LatentInfo& info) {
  taegst::GstPtr<GstTagList> tags = taegst::TagsOfMessage(header);
  const std::string codec =
      info.variant.empty() ? "Latents" : "Latents (" + info.variant + ")";
  const bool npy = header.source == tae::LatentSource::kNpy;
  gst_tag_list_add(tags.get(), GST_TAG_MERGE_REPLACE, GST_TAG_VIDEO_CODEC,
                   codec.c_str(), GST_TAG_CONTAINER_FORMAT,
                   npy ? "NumPy arrays" : "Safetensors", nullptr);
  return tags;
}

// Leaves out a whole message that live input must not end at.
static GstFlowReturn skip_message(GstLatentParse* self,
                                  GstBaseParseFrame* frame,
                                  const tae::LatentHeader& header,
                                  const tae::Status& why) {
  warn(self, "A latent is left out: " + why.message());
  gst_base_parse_set_min_frame_size(GST_BASE_PARSE(self), kSmallestHeader);
  frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
  return gst_base_parse_finish_frame(GST_BASE_PARSE(self), frame,
                                     gint(header.message_size));
}

// Time, flags and meta of a latent. The base class has planned its time
// already, but only the index knows it after a seek.
static void describe(GstLatentParse* self, const GstBaseParseFrame* frame,
                     const taegst::LatentStep& step, GstBuffer* latent) {
  Private* priv = self->priv;
  GST_BUFFER_FLAGS(latent) |=
      GST_BUFFER_FLAGS(frame->buffer) & GST_BUFFER_FLAG_DISCONT;
  GST_BUFFER_PTS(latent) = GST_BUFFER_PTS(frame->buffer);
  GST_BUFFER_DTS(latent) = GST_BUFFER_DTS(frame->buffer);
  GST_BUFFER_DURATION(latent) = priv->duration;
  if (priv->state.pulls)
    if (const auto number = priv->index.NumberAt(frame->offset))
      GST_BUFFER_PTS(latent) = GST_BUFFER_DTS(latent) =
          *number * priv->duration;
  taegst::SetLatentStep(latent, step);
}

static GstFlowReturn finish(GstLatentParse* self, GstBaseParseFrame* frame,
                            const tae::LatentHeader& header) {
  auto* parse = GST_BASE_PARSE(self);
  State* state = &self->priv->state;
  for (const std::string& note : header.description.notes) warn(self, note);
  tae::StatusOr<taegst::LatentInfo> info = taegst::InfoOfMessage(header);
  if (!info.ok())
    return state->live == true
               ? skip_message(self, frame, header, info.status())
               : refuse(self, frame->offset, info.status());
  if (state->fps_n == 0) begin_stream(self, *info);
  info->fps_n = state->fps_n;
  info->fps_d = state->fps_d;
  taegst::GstPtr<GstBuffer> latent =
      make_latent(header, frame->buffer, info->size());
  if (!latent)
    return refuse(self, frame->offset, tae::OutOfMemory("no memory"));
  const taegst::LatentStep step = taegst::StepOfMessage(header);
  describe(self, frame, step, latent.get());
  const bool begins = begins_generation(state, step);
  if (begins) GST_BUFFER_FLAG_SET(latent.get(), GST_BUFFER_FLAG_DISCONT);
  set_caps(self, *info);
  if (begins || state->latents == 0)
    gst_base_parse_merge_tags(parse, tags_of(header, *info).get(),
                              GST_TAG_MERGE_REPLACE);
  ++state->latents;
  if (!state->pulls) {
    std::lock_guard lock(self->priv->mutex);
    self->priv->index.Add(frame->offset, frame->offset + header.message_size);
  }
  gst_base_parse_set_min_frame_size(parse, kSmallestHeader);
  frame->out_buffer = latent.release();
  return gst_base_parse_finish_frame(parse, frame, gint(header.message_size));
}

// Whether what comes is live, and what it may hold.
static void find_out_liveness(GstLatentParse* self) {
  Private* priv = self->priv;
  if (priv->state.live) return;
  GstPad* pad = GST_BASE_PARSE_SINK_PAD(self);
  gboolean live = FALSE;
  const taegst::GstPtr<GstQuery> query(gst_query_new_latency());
  if (GST_PAD_MODE(pad) == GST_PAD_MODE_PUSH &&
      gst_pad_peer_query(pad, query.get()))
    gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
  priv->state.live = live != FALSE;
  std::lock_guard lock(priv->mutex);
  priv->state.limits = priv->settings.limits(live != FALSE);
}

// Played backwards, the base class hands out pieces that begin anywhere.
static bool skip_to_message(const Private& priv, guint64 offset,
                            gsize available, gint* skip) {
  if (!priv.state.pulls || offset >= priv.index.end() ||
      priv.index.NumberAt(offset))
    return false;
  const guint64 next = priv.index.NextBegin(offset).value_or(priv.index.end());
  *skip = gint(std::min<guint64>(next - offset, available));
  return true;
}

static GstFlowReturn gst_latent_parse_handle_frame(GstBaseParse* parse,
                                                   GstBaseParseFrame* frame,
                                                   gint* skip) {
  auto* self = GST_LATENT_PARSE(parse);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    const gsize size = gst_buffer_get_size(frame->buffer);
    if (self->priv->state.latents == 0) wait_for_autoplugger(self);
    find_out_liveness(self);
    if (skip_to_message(*self->priv, frame->offset, size, skip))
      return GST_FLOW_OK;
    uint64_t needed = 0;
    tae::StatusOr<std::optional<tae::LatentHeader>> header(std::nullopt);
    {
      const taegst::ReadMap map(frame->buffer);
      if (!map.ok())
        return refuse(self, frame->offset, tae::OutOfMemory("no memory"));
      header = tae::ReadLatentHeader(map.data(), map.size(),
                                     self->priv->state.limits, &needed);
      if (!header.ok())
        return refuse_start(self, frame->offset, map, header.status());
    }
    if (!header->has_value()) return want(self, frame, needed);
    if (size < (*header)->message_size)
      return want(self, frame, (*header)->message_size);
    return finish(self, frame, **header);
  });
}

// TIME to BYTES gives a message's begin, always: the middle of one is no place
// to go on from.
static gboolean gst_latent_parse_convert(GstBaseParse* parse, GstFormat from,
                                         gint64 value, GstFormat to,
                                         gint64* result) {
  Private* priv = GST_LATENT_PARSE(parse)->priv;
  std::lock_guard lock(priv->mutex);
  if (priv->index.count() == 0 || priv->duration == 0 || value < 0)
    return PARENT_CLASS->convert(parse, from, value, to, result);
  if (from == GST_FORMAT_TIME && to == GST_FORMAT_BYTES)
    *result = gint64(priv->index.BeginOf(guint64(value) / priv->duration));
  else if (from == GST_FORMAT_BYTES && to == GST_FORMAT_TIME)
    *result = gint64(priv->index.CountBefore(guint64(value)) * priv->duration);
  else if (from == GST_FORMAT_TIME && to == GST_FORMAT_DEFAULT)
    *result = gint64(guint64(value) / priv->duration);
  else
    return PARENT_CLASS->convert(parse, from, value, to, result);
  return TRUE;
}

static gboolean gst_latent_parse_set_sink_caps(GstBaseParse* parse,
                                               GstCaps* caps) {
  State* state = &GST_LATENT_PARSE(parse)->priv->state;
  gint n = 0, d = 1;
  if (gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate",
                                 &n, &d) &&
      n > 0) {
    state->caps_fps_n = n;
    state->caps_fps_d = d;
  }
  return TRUE;
}

// What was waited for is gone after a flush.
static gboolean gst_latent_parse_sink_event(GstBaseParse* parse,
                                            GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    gst_base_parse_set_min_frame_size(parse, kSmallestHeader);
  return PARENT_CLASS->sink_event(parse, event);
}

static gboolean gst_latent_parse_start(GstBaseParse* parse) {
  Private* priv = GST_LATENT_PARSE(parse)->priv;
  std::lock_guard lock(priv->mutex);
  priv->state = {};
  priv->index = {};
  priv->duration = 0;
  gst_base_parse_set_min_frame_size(parse, kSmallestHeader);
  return TRUE;
}

static gboolean gst_latent_parse_stop(GstBaseParse* parse) {
  Private* priv = GST_LATENT_PARSE(parse)->priv;
  std::lock_guard lock(priv->mutex);
  priv->state = {};
  priv->index = {};
  return TRUE;
}

static void gst_latent_parse_set_property(GObject* object, guint id,
                                          const GValue* value,
                                          GParamSpec* pspec) {
  Private* priv = GST_LATENT_PARSE(object)->priv;
  taegst::Guard(GST_ELEMENT(object), false, [&] {
    std::lock_guard lock(priv->mutex);
    if (!taegst::SetParseSetting(&priv->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    return true;
  });
}

static void gst_latent_parse_get_property(GObject* object, guint id,
                                          GValue* value, GParamSpec* pspec) {
  Private* priv = GST_LATENT_PARSE(object)->priv;
  taegst::Guard(GST_ELEMENT(object), false, [&] {
    std::lock_guard lock(priv->mutex);
    if (!taegst::GetParseSetting(priv->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    return true;
  });
}

static void gst_latent_parse_finalize(GObject* object) {
  delete GST_LATENT_PARSE(object)->priv;
  G_OBJECT_CLASS(gst_latent_parse_parent_class)->finalize(object);
}

static void gst_latent_parse_init(GstLatentParse* self) {
  self->priv = new Private;
}

static void gst_latent_parse_class_init(GstLatentParseClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* parse_class = GST_BASE_PARSE_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_latent_parse_debug, "latentparse", 0,
                          "parser of latent streams");
  object_class->set_property = gst_latent_parse_set_property;
  object_class->get_property = gst_latent_parse_get_property;
  object_class->finalize = gst_latent_parse_finalize;
  taegst::InstallParseProperties(object_class);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Latent stream parser", "Codec/Parser/Video",
      "Takes a stream or a file of latents apart", "The tae authors");
  parse_class->start = GST_DEBUG_FUNCPTR(gst_latent_parse_start);
  parse_class->stop = GST_DEBUG_FUNCPTR(gst_latent_parse_stop);
  parse_class->handle_frame = GST_DEBUG_FUNCPTR(gst_latent_parse_handle_frame);
  parse_class->set_sink_caps =
      GST_DEBUG_FUNCPTR(gst_latent_parse_set_sink_caps);
  parse_class->sink_event = GST_DEBUG_FUNCPTR(gst_latent_parse_sink_event);
  parse_class->convert = GST_DEBUG_FUNCPTR(gst_latent_parse_convert);
}
