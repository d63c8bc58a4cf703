// The GObject face of taedecode: properties, pads, vfuncs. The work is done in
// stream.cc and stream_frames.cc.

/**
 * SECTION:element-taedecode
 * @title: taedecode
 * @short_description: Shows a diffusion model's latents as video
 *
 * Decodes latents (`video/x-latent`, or one static `other/tensors`) with the
 * tiny autoencoder of their space on the CPU. The latent space comes from
 * #GstTaeDecode:variant, else from the caps, else from the number of channels.
 *
 * Weights are looked for in #GstTaeDecode:model-file, the folders or files of
 * the environment variable `TAE_MODEL_PATH` (colon separated),
 * `$XDG_DATA_HOME/tae`, `$XDG_DATA_DIRS/tae` and
 * `$COMFYUI_PATH/models/vae_approx`. Without any, a small decoder that is
 * built in shows FLUX.2's picture a little softer, and a linear projection that
 * of other spaces roughly, after a warning that says what to fetch.
 *
 * Late latents are decoded on a lower rung (#GstTaeDecode:quality), and those
 * that are late even so are dropped before they cost time
 * (#GstVideoDecoder:qos), but never the first or the last of a generation. NaN
 * and infinite numbers are decoded as 0 and the frame is marked corrupted.
 *
 * Noisy latents (`pred=x` in the caps) whose meta `latent-step` says `sigma`
 * are not shown as noise: #GstTaeDecode:denoise.
 *
 * The custom meta `latent-step` of a latent goes on to its frame. Its fields
 * are `step`, `total-steps`, `sigma`, `sigma-next`, `timestep`, `final`,
 * `prompt-id` and `seed`, numbers of any type. A program in Python, where the
 * structure of a custom meta is a copy, adds a #GstReferenceTimestampMeta with
 * the same fields instead:
 * |[<!-- language="Python" -->
 * buffer.add_reference_timestamp_meta(
 *     Gst.Caps.from_string('timestamp/x-latent-step,step=3,sigma=0.4'),
 *     0, Gst.CLOCK_TIME_NONE)
 * ]|
 * With
 * #GstTaeDecode:post-messages each frame also posts an element message
 * `latent-step`: the meta's fields, `timestamp`, `duration`, `stream-time`,
 * `running-time`, `decode-time` (nanoseconds), `nonfinite`, `decoded`,
 * `skipped`, `dropped`, `method` and `rung` (of #GstTaeDecode:quality);
 * `denoise` (none, clean, secant, held, scaled), `repeated` (shown again by
 * #GstTaeDecode:change-threshold), `change` (RMS of the clean latent's change
 * since the one before), `accumulated-change` (what change-threshold was
 * compared with) and `converged` (#GstTaeDecode:converged-below), so that an
 * application can stop a run that no longer gets anywhere.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 latentsrc ! taedecode variant=flux2 ! autovideosink
 * ]| A demo generation in a window.
 * |[
 * gst-launch-1.0 latentsrc num-buffers=28 ! taedecode ! pngenc ! \
 *   multifilesink location=step_%03d.png
 * ]| A picture file for each step.
 * |[
 * gst-launch-1.0 filesrc location=latent.raw blocksize=1048576 ! \
 *   video/x-latent,variant=flux2,format=F16LE,channels=32,latent-width=128,latent-height=128,framerate=1/1
 * ! \ taedecode ! videoconvert ! pngenc ! filesink location=picture.png
 * ]| One latent from a file without a header, 1024x1024 pixels.
 *
 * Since: 0.1
 */
#include "taedecode/taedecode.h"

#include <mutex>
#include <new>
#include <optional>
#include <string>

#include "common/guard.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "common/status_gst.h"
#include "taedecode/output_size.h"
#include "taedecode/properties.h"
#include "taedecode/stream.h"

GST_DEBUG_CATEGORY(gst_tae_decode_debug);
#define GST_CAT_DEFAULT gst_tae_decode_debug

namespace {

struct Private {
  std::mutex mutex;  // of settings, and of stream's coming and going
  taegst::Settings settings;
  std::unique_ptr<taegst::Stream> stream;  // between start and stop
  guint64 refused = 0;                     // caps; of the streaming thread
};

}  // namespace

struct _GstTaeDecode {
  GstVideoDecoder parent;
  Private* priv;
};

G_DEFINE_TYPE(GstTaeDecode, gst_tae_decode, GST_TYPE_VIDEO_DECODER)
GST_ELEMENT_REGISTER_DEFINE(taedecode, "taedecode", GST_RANK_PRIMARY,
                            GST_TYPE_TAE_DECODE)

#define PARENT_CLASS GST_VIDEO_DECODER_CLASS(gst_tae_decode_parent_class)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(TAE_LATENT_CAPS "; " TAE_TENSORS_CAPS));

static taegst::LiveSettings live_settings(GstTaeDecode* self) {
  std::lock_guard lock(self->priv->mutex);
  return self->priv->settings.live;
}

static void gst_tae_decode_set_property(GObject* object, guint id,
                                        const GValue* value, GParamSpec* spec) {
  GstTaeDecode* self = GST_TAE_DECODE(object);
  taegst::Guard(GST_ELEMENT(self), false, [&] {
    std::lock_guard lock(self->priv->mutex);
    if (!taegst::SetProperty(&self->priv->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return true;
  });
}

static void gst_tae_decode_get_property(GObject* object, guint id,
                                        GValue* value, GParamSpec* spec) {
  GstTaeDecode* self = GST_TAE_DECODE(object);
  taegst::Guard(GST_ELEMENT(self), false, [&] {
    std::lock_guard lock(self->priv->mutex);
    if (id == taegst::kPropStats) {
      const taegst::DecodeStats stats = self->priv->stream
                                            ? self->priv->stream->stats()
                                            : taegst::DecodeStats{};
      g_value_take_boxed(value, taegst::StatsStructure(stats).release());
    } else if (!taegst::GetProperty(self->priv->settings, id, value)) {
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
    return true;
  });
}

static gboolean gst_tae_decode_start(GstVideoDecoder* decoder) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  return taegst::Guard(GST_ELEMENT(self), FALSE, [&]() -> gboolean {
    taegst::Settings settings;
    {
      std::lock_guard lock(self->priv->mutex);
      settings = self->priv->settings;
    }
    auto stream = std::make_unique<taegst::Stream>(decoder, settings);
    if (!stream->Start()) return FALSE;
    std::lock_guard lock(self->priv->mutex);
    self->priv->stream = std::move(stream);
    return TRUE;
  });
}

static gboolean gst_tae_decode_stop(GstVideoDecoder* decoder) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  std::unique_ptr<taegst::Stream> stream;
  {
    std::lock_guard lock(self->priv->mutex);
    stream = std::move(self->priv->stream);
  }
  return TRUE;
}

static gboolean gst_tae_decode_set_format(GstVideoDecoder* decoder,
                                          GstVideoCodecState* state) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  return taegst::Guard(GST_ELEMENT(self), FALSE, [&]() -> gboolean {
    // The last latent of the old format; the base class does not drain here.
    self->priv->stream->DecodeHeld(live_settings(self));
    return self->priv->stream->SetFormat(state);
  });
}

static gboolean gst_tae_decode_negotiate(GstVideoDecoder* decoder) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  return taegst::Guard(GST_ELEMENT(self), FALSE, [&]() -> gboolean {
    return self->priv->stream->Negotiate(
        [&] { return PARENT_CLASS->negotiate(decoder) != FALSE; });
  });
}

static GstFlowReturn gst_tae_decode_handle_frame(GstVideoDecoder* decoder,
                                                 GstVideoCodecFrame* frame) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    return self->priv->stream->HandleFrame(taegst::FramePtr(frame, {decoder}),
                                           live_settings(self));
  });
}

// Both at EOS and before new caps: nothing follows the latent that is held.
static GstFlowReturn gst_tae_decode_drain(GstVideoDecoder* decoder) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    return self->priv->stream->DecodeHeld(live_settings(self));
  });
}

static gboolean gst_tae_decode_flush(GstVideoDecoder* decoder) {
  GST_TAE_DECODE(decoder)->priv->stream->Flush();
  return TRUE;
}

static gboolean gst_tae_decode_decide_allocation(GstVideoDecoder* decoder,
                                                 GstQuery* query) {
  if (!PARENT_CLASS->decide_allocation(decoder, query)) return FALSE;
  GstBufferPool* raw_pool = nullptr;
  gst_query_parse_nth_allocation_pool(query, 0, &raw_pool, nullptr, nullptr,
                                      nullptr);
  const taegst::GstPtr<GstBufferPool> pool(raw_pool);
  if (pool == nullptr) return FALSE;
  GstStructure* config = gst_buffer_pool_get_config(pool.get());
  if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr))
    gst_buffer_pool_config_add_option(config,
                                      GST_BUFFER_POOL_OPTION_VIDEO_META);
  return gst_buffer_pool_set_config(pool.get(), config);
}

static GstCaps* gst_tae_decode_getcaps(GstVideoDecoder* decoder,
                                       GstCaps* filter) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  return taegst::Guard(GST_ELEMENT(self), gst_caps_ref(GST_CAPS_NONE), [&] {
    std::string variant;
    int channels = 0;
    {
      std::lock_guard lock(self->priv->mutex);
      variant = self->priv->settings.variant;
      if (self->priv->stream && !self->priv->settings.model_file.empty())
        channels = self->priv->stream->model_channels();
    }
    taegst::GstPtr<GstCaps> caps =
        taegst::LatentCapsOfVariant(variant, channels);
    taegst::PreferFramerate(GST_VIDEO_DECODER_SRC_PAD(decoder), &caps);
    if (filter == nullptr) return caps.release();
    return gst_caps_intersect_full(filter, caps.get(),
                                   GST_CAPS_INTERSECT_FIRST);
  });
}

// All sizes that can be had, not only the negotiated one.
static gboolean gst_tae_decode_src_query(GstVideoDecoder* decoder,
                                         GstQuery* query) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  if (GST_QUERY_TYPE(query) != GST_QUERY_CAPS)
    return PARENT_CLASS->src_query(decoder, query);
  taegst::GstPtr<GstCaps> caps;
  taegst::Guard(GST_ELEMENT(self), false, [&] {
    std::lock_guard lock(self->priv->mutex);
    if (self->priv->stream) caps = self->priv->stream->OfferedCaps();
    return true;
  });
  if (caps == nullptr) return PARENT_CLASS->src_query(decoder, query);
  GstCaps* filter = nullptr;
  gst_query_parse_caps(query, &filter);
  if (filter != nullptr)
    caps.reset(
        gst_caps_intersect_full(filter, caps.get(), GST_CAPS_INTERSECT_FIRST));
  gst_query_set_caps_result(query, caps.get());
  return TRUE;
}

// Caps that nothing can be read from, each other than those before: the base
// class passes over caps that are equal.
static taegst::GstPtr<GstCaps> caps_to_refuse(GstTaeDecode* self) {
  return taegst::GstPtr<GstCaps>(
      gst_caps_new_simple("video/x-latent", "refused", G_TYPE_UINT64,
                          ++self->priv->refused, nullptr));
}

// The base class only takes caps whose name begins with video/ or image/, and
// of these none where a field of raw video, such as interlace-mode, is wrong.
static gboolean take_caps(GstTaeDecode* self, GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  int channels = self->priv->stream->model_channels();
  {
    std::lock_guard lock(self->priv->mutex);
    const auto* info = tae::FindVariant(self->priv->settings.variant);
    if (info != nullptr) channels = info->latent_channels;
  }
  const auto latent = taegst::LatentInfoFromCaps(caps, channels);
  GstVideoInfo video;
  taegst::GstPtr<GstCaps> read;
  if (latent.ok() && !taegst::IsTensorsCaps(caps) &&
      gst_video_info_from_caps(&video, caps)) {
    return PARENT_CLASS->sink_event(GST_VIDEO_DECODER(self),
                                    gst_event_ref(event));
  } else if (latent.ok()) {
    read = taegst::LatentInfoToCaps(*latent);
  } else {
    self->priv->stream->DistrustFormat(latent.status());
    read = caps_to_refuse(self);
  }
  GstEvent* translated = gst_event_new_caps(read.get());
  gst_event_set_seqnum(translated, gst_event_get_seqnum(event));
  return PARENT_CLASS->sink_event(GST_VIDEO_DECODER(self), translated);
}

static gboolean gst_tae_decode_sink_event(GstVideoDecoder* decoder,
                                          GstEvent* event) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) {
    std::lock_guard lock(self->priv->mutex);
    if (self->priv->stream) self->priv->stream->Cancel();
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
    GstTagList* tags = nullptr;
    gst_event_parse_tag(event, &tags);
    taegst::Guard(GST_ELEMENT(self), false, [&] {
      self->priv->stream->OnTags(tags);
      return true;
    });
  }
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
    return PARENT_CLASS->sink_event(decoder, event);
  const taegst::GstPtr<GstEvent> owned(event);
  return taegst::Guard(GST_ELEMENT(self), FALSE,
                       [&] { return take_caps(self, event); });
}

// Any latent: what is wrong with its caps is said, and decided, where they are
// read.
static gboolean gst_tae_decode_sink_query(GstVideoDecoder* decoder,
                                          GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_ACCEPT_CAPS)
    return PARENT_CLASS->sink_query(decoder, query);
  GstCaps* caps = nullptr;
  gst_query_parse_accept_caps(query, &caps);
  const bool latent = gst_caps_get_size(caps) > 0 &&
                      (taegst::IsTensorsCaps(caps) ||
                       gst_structure_has_name(gst_caps_get_structure(caps, 0),
                                              "video/x-latent"));
  gst_query_set_accept_caps_result(query, latent);
  return TRUE;
}

// A stop waits for no picture.
static GstStateChangeReturn gst_tae_decode_change_state(
    GstElement* element, GstStateChange transition) {
  GstTaeDecode* self = GST_TAE_DECODE(element);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    std::lock_guard lock(self->priv->mutex);
    if (self->priv->stream) self->priv->stream->Cancel();
  }
  return GST_ELEMENT_CLASS(gst_tae_decode_parent_class)
      ->change_state(element, transition);
}

// The base class would drop late frames after decoding them, the final one
// too; so it does not hear of lateness.
static gboolean gst_tae_decode_src_event(GstVideoDecoder* decoder,
                                         GstEvent* event) {
  GstTaeDecode* self = GST_TAE_DECODE(decoder);
  if (GST_EVENT_TYPE(event) != GST_EVENT_QOS)
    return PARENT_CLASS->src_event(decoder, event);
  GstClockTimeDiff jitter = 0;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  gst_event_parse_qos(event, nullptr, nullptr, &jitter, &running_time);
  {
    std::lock_guard lock(self->priv->mutex);
    if (self->priv->stream) self->priv->stream->OnQos(jitter, running_time);
  }
  return gst_pad_push_event(GST_VIDEO_DECODER_SINK_PAD(decoder), event);
}

static void gst_tae_decode_init(GstTaeDecode* self) {
  GstVideoDecoder* decoder = GST_VIDEO_DECODER(self);
  self->priv = new Private;
  gst_video_decoder_set_packetized(decoder, TRUE);
  gst_video_decoder_set_needs_format(decoder, TRUE);
}

static void gst_tae_decode_finalize(GObject* object) {
  delete GST_TAE_DECODE(object)->priv;
  G_OBJECT_CLASS(gst_tae_decode_parent_class)->finalize(object);
}

static void set_vfuncs(GstVideoDecoderClass* klass) {
  klass->start = GST_DEBUG_FUNCPTR(gst_tae_decode_start);
  klass->stop = GST_DEBUG_FUNCPTR(gst_tae_decode_stop);
  klass->set_format = GST_DEBUG_FUNCPTR(gst_tae_decode_set_format);
  klass->negotiate = GST_DEBUG_FUNCPTR(gst_tae_decode_negotiate);
  klass->handle_frame = GST_DEBUG_FUNCPTR(gst_tae_decode_handle_frame);
  klass->drain = GST_DEBUG_FUNCPTR(gst_tae_decode_drain);
  klass->finish = GST_DEBUG_FUNCPTR(gst_tae_decode_drain);
  klass->flush = GST_DEBUG_FUNCPTR(gst_tae_decode_flush);
  klass->decide_allocation =
      GST_DEBUG_FUNCPTR(gst_tae_decode_decide_allocation);
  klass->getcaps = GST_DEBUG_FUNCPTR(gst_tae_decode_getcaps);
  klass->sink_event = GST_DEBUG_FUNCPTR(gst_tae_decode_sink_event);
  klass->sink_query = GST_DEBUG_FUNCPTR(gst_tae_decode_sink_query);
  klass->src_query = GST_DEBUG_FUNCPTR(gst_tae_decode_src_query);
  klass->src_event = GST_DEBUG_FUNCPTR(gst_tae_decode_src_event);
}

static void gst_tae_decode_class_init(GstTaeDecodeClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_tae_decode_debug, "taedecode", 0,
                          "decoder of diffusion latents");
  taegst::RegisterLatentStepMeta();
  object_class->set_property = gst_tae_decode_set_property;
  object_class->get_property = gst_tae_decode_get_property;
  object_class->finalize = gst_tae_decode_finalize;
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_tae_decode_change_state);
  taegst::InstallProperties(object_class);
  gst_element_class_set_static_metadata(
      element_class, "Tiny autoencoder latent decoder", "Codec/Decoder/Video",
      "Shows a diffusion model's latents as video, on the CPU",
      "The tae authors");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_pad_template(
      element_class, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                                          taegst::OutputCaps().get()));
  set_vfuncs(GST_VIDEO_DECODER_CLASS(klass));
}
