/**
 * SECTION:element-latentmux
 * @title: latentmux
 * @short_description: Writes latents as a stream
 *
 * Each latent becomes one safetensors message with all that its caps, its meta
 * `latent-step` and the prompt (GST_TAG_TITLE) say, so that #GstLatentParse
 * gives the same again, bit for bit. The stream may go to a file, a socket or a
 * pipe (decoder/io/LATENT_STREAM.md is its specification).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -e latentsrc ! tee name=t ! queue ! taedecode ! videoconvert !
 * \ autovideosink t. ! queue ! latentmux ! filesink location=run.safetensors
 * ]| Watches a generation and records it.
 * |[
 * gst-launch-1.0 filesrc location=run.safetensors ! latentparse ! \
 *   latentmux quantize=int8 ! filesink location=small.safetensors
 * ]| Makes a recording half as large.
 *
 * Since: 0.1
 */
#include "latentmux/latentmux.h"

#include <mutex>
#include <string>

#include "common/guard.h"
#include "common/latent_message.h"
#include "common/status_gst.h"

GST_DEBUG_CATEGORY_STATIC(gst_latent_mux_debug);
#define GST_CAT_DEFAULT gst_latent_mux_debug

namespace {

enum Quantize { kQuantizeNone, kQuantizeInt8 };

struct Private {
  std::mutex mutex;
  Quantize quantize = kQuantizeNone;  // under the mutex
  taegst::LatentInfo info;            // the streaming thread's, as the prompt
  std::string prompt;
  std::string generation;  // of the latent before
  bool tagged = false;     // tags came since then
};

}  // namespace

struct _GstLatentMux {
  GstBaseTransform parent;
  Private* priv;
};

G_DEFINE_TYPE(GstLatentMux, gst_latent_mux, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(latentmux, "latentmux", GST_RANK_NONE,
                            GST_TYPE_LATENT_MUX)

#define PARENT_CLASS GST_BASE_TRANSFORM_CLASS(gst_latent_mux_parent_class)
#define STREAM_CAPS "application/x-safetensors"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(TAE_LATENT_CAPS "; " TAE_TENSORS_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(STREAM_CAPS));

enum { kPropQuantize = 1 };

static GType quantize_get_type() {
  static const GEnumValue values[] = {
      {kQuantizeNone, "As they are", "none"},
      {kQuantizeInt8, "8 bits, scaled for each channel", "int8"},
      {0, nullptr, nullptr}};
  static const GType type = [] {
    if (const GType known = g_type_from_name("GstLatentMuxQuantize"))
      return known;
    const GType made = g_enum_register_static("GstLatentMuxQuantize", values);
    gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
    return made;
  }();
  return type;
}

static GstCaps* gst_latent_mux_transform_caps(GstBaseTransform* base,
                                              GstPadDirection direction,
                                              GstCaps*, GstCaps* filter) {
  GstPad* other = direction == GST_PAD_SINK ? GST_BASE_TRANSFORM_SRC_PAD(base)
                                            : GST_BASE_TRANSFORM_SINK_PAD(base);
  GstCaps* caps = gst_pad_get_pad_template_caps(other);
  if (filter == nullptr) return caps;
  const taegst::GstPtr<GstCaps> all(caps);
  return gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
}

static gboolean gst_latent_mux_set_caps(GstBaseTransform* base, GstCaps* in,
                                        GstCaps*) {
  auto* self = GST_LATENT_MUX(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    tae::StatusOr<taegst::LatentInfo> info = taegst::LatentInfoFromCaps(in);
    if (!info.ok()) {
      taegst::PostError(GST_ELEMENT(self), info.status(),
                        taegst::Subject::kLatent);
      return FALSE;
    }
    self->priv->info = *std::move(info);
    return TRUE;
  });
}

static Quantize quantize_of(GstLatentMux* self) {
  std::lock_guard lock(self->priv->mutex);
  return self->priv->quantize;
}

static GstBuffer* buffer_of(const std::string& bytes) {
  return gst_buffer_new_memdup(bytes.data(), bytes.size());
}

// A prompt is that of one generation; the next one may have none, and no tags.
static void forget_prompt(Private* priv, const taegst::LatentStep& step) {
  if (step.prompt_id != priv->generation && !priv->tagged) priv->prompt.clear();
  priv->generation = step.prompt_id;
  priv->tagged = false;
}

// The message of a latent or a batch. The payload is not copied, unless it is
// quantised.
static tae::StatusOr<taegst::GstPtr<GstBuffer>> make_message(
    GstLatentMux* self, GstBuffer* latent) {
  const taegst::LatentInfo& info = self->priv->info;
  const taegst::ReadMap map(latent);
  if (!map.ok()) return tae::OutOfMemory("the latent cannot be mapped");
  if (map.size() != info.size())
    return tae::InvalidArgument(
        "a latent of these caps must have " + std::to_string(info.size()) +
        " bytes, the buffer has " + std::to_string(map.size()));
  const tae::LatentView view{.data = map.data(),
                             .size = info.latent_size(),
                             .dtype = info.dtype,
                             .layout = info.layout,
                             .domain = info.domain,
                             .channels = info.channels,
                             .extent = info.extent};
  const auto step =
      taegst::GetLatentStep(latent).value_or(taegst::LatentStep{});
  forget_prompt(self->priv, step);
  const tae::LatentMetadata metadata =
      taegst::MetadataOf(info, step, self->priv->prompt);
  const bool small = quantize_of(self) == kQuantizeInt8;
  const tae::StatusOr<std::string> bytes =
      small ? tae::EncodeLatent8(view, metadata, info.batch)
            : tae::EncodeLatentHeader(view, metadata, info.batch);
  if (!bytes.ok()) return bytes.status();
  taegst::GstPtr<GstBuffer> message(buffer_of(*bytes));
  if (!small)
    gst_buffer_copy_into(message.get(), latent, GST_BUFFER_COPY_MEMORY, 0, -1);
  return message;
}

static GstFlowReturn gst_latent_mux_prepare_output_buffer(
    GstBaseTransform* base, GstBuffer* latent, GstBuffer** out) {
  auto* self = GST_LATENT_MUX(base);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    tae::StatusOr<taegst::GstPtr<GstBuffer>> message =
        make_message(self, latent);
    if (!message.ok()) {
      taegst::PostError(GST_ELEMENT(self), message.status(),
                        taegst::Subject::kLatent);
      return GST_FLOW_ERROR;
    }
    gst_buffer_copy_into(
        message->get(), latent,
        GstBufferCopyFlags(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS),
        0, -1);
    GST_BUFFER_OFFSET(message->get()) = GST_BUFFER_OFFSET_NONE;
    GST_BUFFER_OFFSET_END(message->get()) = GST_BUFFER_OFFSET_NONE;
    *out = message->release();
    return GST_FLOW_OK;
  });
}

// The message was made with its buffer.
static GstFlowReturn gst_latent_mux_transform(GstBaseTransform*, GstBuffer*,
                                              GstBuffer*) {
  return GST_FLOW_OK;
}

static gboolean gst_latent_mux_sink_event(GstBaseTransform* base,
                                          GstEvent* event) {
  auto* self = GST_LATENT_MUX(base);
  if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
    GstTagList* tags = nullptr;
    gst_event_parse_tag(event, &tags);
    char* title = nullptr;
    gst_tag_list_get_string(tags, GST_TAG_TITLE, &title);
    const taegst::GstPtr<char> owned(title);
    self->priv->prompt = title != nullptr ? title : "";
    self->priv->tagged = true;
  }
  return PARENT_CLASS->sink_event(base, event);
}

static gboolean gst_latent_mux_start(GstBaseTransform* base) {
  Private* priv = GST_LATENT_MUX(base)->priv;
  priv->prompt.clear();
  priv->generation.clear();
  priv->tagged = false;
  return TRUE;
}

static void gst_latent_mux_set_property(GObject* object, guint id,
                                        const GValue* value,
                                        GParamSpec* pspec) {
  Private* priv = GST_LATENT_MUX(object)->priv;
  std::lock_guard lock(priv->mutex);
  if (id == kPropQuantize)
    priv->quantize = Quantize(g_value_get_enum(value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_latent_mux_get_property(GObject* object, guint id,
                                        GValue* value, GParamSpec* pspec) {
  if (id == kPropQuantize)
    g_value_set_enum(value, quantize_of(GST_LATENT_MUX(object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_latent_mux_finalize(GObject* object) {
  delete GST_LATENT_MUX(object)->priv;
  G_OBJECT_CLASS(gst_latent_mux_parent_class)->finalize(object);
}

static void gst_latent_mux_init(GstLatentMux* self) {
  self->priv = new Private;
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), FALSE);
}

static void gst_latent_mux_class_init(GstLatentMuxClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_latent_mux_debug, "latentmux", 0,
                          "writer of latent streams");
  object_class->set_property = gst_latent_mux_set_property;
  object_class->get_property = gst_latent_mux_get_property;
  object_class->finalize = gst_latent_mux_finalize;
  g_object_class_install_property(
      object_class, kPropQuantize,
      g_param_spec_enum("quantize", "Quantize",
                        "Fewer bits a number; int8 halves an F16 recording",
                        quantize_get_type(), kQuantizeNone,
                        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                    GST_PARAM_MUTABLE_PLAYING)));
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Latent stream writer", "Codec/Muxer",
      "Writes latents as a stream", "The tae authors");
  base_class->transform_caps = GST_DEBUG_FUNCPTR(gst_latent_mux_transform_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR(gst_latent_mux_set_caps);
  base_class->prepare_output_buffer =
      GST_DEBUG_FUNCPTR(gst_latent_mux_prepare_output_buffer);
  base_class->transform = GST_DEBUG_FUNCPTR(gst_latent_mux_transform);
  base_class->sink_event = GST_DEBUG_FUNCPTR(gst_latent_mux_sink_event);
  base_class->start = GST_DEBUG_FUNCPTR(gst_latent_mux_start);
}
