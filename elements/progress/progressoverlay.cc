/**
 * SECTION:element-progressoverlay
 * @title: progressoverlay
 * @short_description: Draws over a picture how far its generation is
 *
 * Step, noise left, time elapsed and left, how the frame was decoded, and a bar
 * along the lower edge; all from the meta `latent-step` that #GstTaeDecode
 * leaves on its frames, so it may stand anywhere behind it, best after scaling.
 * Times are those of the stream, from the first picture of a generation.
 *
 * It is a bin of GStreamer's own `overlaycomposition` (the bar) and
 * `textoverlay` (Pango; Debian has it in gstreamer1.0-x).
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 latentsrc is-live=true ! taedecode ! progressoverlay ! \
 *   videoconvert ! autovideosink
 * ]| A demo with its progress.
 *
 * Since: 0.1
 */
#include "progress/progressoverlay.h"

#include <gst/video/video.h>

#include <mutex>
#include <string>

#include "common/gst_ptr.h"
#include "common/guard.h"
#include "progress/progress_bar.h"
#include "progress/progress_text.h"

GST_DEBUG_CATEGORY_STATIC(gst_progress_overlay_debug);
#define GST_CAT_DEFAULT gst_progress_overlay_debug

namespace {

struct Private {
  GstElement* bar = nullptr;  // owned by the bin; null where it is missing
  GstElement* text = nullptr;
  std::mutex mutex;  // of show
  guint show = taegst::kShowAll;
  // The streaming thread's.
  taegst::ProgressClock clock;
  std::string said;
  int width = 0;
  int height = 0;
};

}  // namespace

struct _GstProgressOverlay {
  GstBin parent;
  Private* priv;
};

G_DEFINE_TYPE(GstProgressOverlay, gst_progress_overlay, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(progressoverlay, "progressoverlay", GST_RANK_NONE,
                            GST_TYPE_PROGRESS_OVERLAY)

#define VIDEO_CAPS \
  GST_VIDEO_CAPS_MAKE(GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(VIDEO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(VIDEO_CAPS));

enum { kPropShow = 1 };

// Letters and margins that fit the picture.
static void caps_changed(GstElement*, GstCaps* caps, guint, guint,
                         gpointer data) {
  auto* self = GST_PROGRESS_OVERLAY(data);
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, caps)) return;
  Private* priv = self->priv;
  priv->width = GST_VIDEO_INFO_WIDTH(&info);
  priv->height = GST_VIDEO_INFO_HEIGHT(&info);
  const auto layout = taegst::LayoutOf(priv->width, priv->height);
  char font[40];
  g_snprintf(font, sizeof font, "Sans Bold %dpx", layout.font);
  g_object_set(priv->text, "font-desc", font, "xpad", layout.margin, "ypad",
               layout.bar + layout.margin, nullptr);
}

// Sets the words of the frame, and gives its bar.
static GstVideoOverlayComposition* progress_of(GstProgressOverlay* self,
                                               GstSample* sample) {
  Private* priv = self->priv;
  GstBuffer* frame = gst_sample_get_buffer(sample);
  const auto step = taegst::GetLatentStep(frame);
  taegst::Progress progress;
  if (step)
    progress = priv->clock.Add(
        *step, taegst::RunningTime(gst_sample_get_segment(sample), frame));
  guint show = 0;
  {
    std::lock_guard lock(priv->mutex);
    show = priv->show;
  }
  std::string text = taegst::ProgressText(progress, show);
  if (text != priv->said) {
    priv->said = std::move(text);
    // textoverlay takes its words for markup.
    const taegst::GstPtr<char> words(
        g_markup_escape_text(priv->said.c_str(), gssize(priv->said.size())));
    g_object_set(priv->text, "text", words.get(), nullptr);
  }
  return progress.fraction ? taegst::MakeProgressBar(priv->width, priv->height,
                                                     *progress.fraction)
                           : nullptr;
}

static GstVideoOverlayComposition* draw(GstElement*, GstSample* sample,
                                        gpointer data) {
  auto* self = GST_PROGRESS_OVERLAY(data);
  return taegst::Guard(GST_ELEMENT(self),
                       static_cast<GstVideoOverlayComposition*>(nullptr),
                       [&] { return progress_of(self, sample); });
}

static GstStateChangeReturn gst_progress_overlay_change_state(
    GstElement* element, GstStateChange transition) {
  Private* priv = GST_PROGRESS_OVERLAY(element)->priv;
  if (transition == GST_STATE_CHANGE_NULL_TO_READY &&
      (priv->bar == nullptr || priv->text == nullptr)) {
    GST_ELEMENT_ERROR(element, CORE, MISSING_PLUGIN,
                      ("progressoverlay needs the elements overlaycomposition "
                       "and textoverlay; Debian has them in the packages "
                       "gstreamer1.0-plugins-base and gstreamer1.0-x"),
                      (nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    priv->clock.Reset();
    priv->said.clear();
    g_object_set(priv->text, "text", "", nullptr);
  }
  return GST_ELEMENT_CLASS(gst_progress_overlay_parent_class)
      ->change_state(element, transition);
}

static void gst_progress_overlay_set_property(GObject* object, guint id,
                                              const GValue* value,
                                              GParamSpec* pspec) {
  Private* priv = GST_PROGRESS_OVERLAY(object)->priv;
  std::lock_guard lock(priv->mutex);
  if (id == kPropShow)
    priv->show = g_value_get_flags(value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_progress_overlay_get_property(GObject* object, guint id,
                                              GValue* value,
                                              GParamSpec* pspec) {
  Private* priv = GST_PROGRESS_OVERLAY(object)->priv;
  std::lock_guard lock(priv->mutex);
  if (id == kPropShow)
    g_value_set_flags(value, priv->show);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_progress_overlay_finalize(GObject* object) {
  delete GST_PROGRESS_OVERLAY(object)->priv;
  G_OBJECT_CLASS(gst_progress_overlay_parent_class)->finalize(object);
}

static void add_ghost_pad(GstProgressOverlay* self, const char* name,
                          GstElement* child, const char* of_child) {
  GstPadTemplate* pad_template =
      gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self), name);
  const taegst::GstPtr<GstPad> target(
      child ? gst_element_get_static_pad(child, of_child) : nullptr);
  gst_element_add_pad(
      GST_ELEMENT(self),
      target ? gst_ghost_pad_new_from_template(name, target.get(), pad_template)
             : gst_ghost_pad_new_no_target_from_template(name, pad_template));
}

static void gst_progress_overlay_init(GstProgressOverlay* self) {
  self->priv = new Private;
  Private* priv = self->priv;
  priv->bar = gst_element_factory_make("overlaycomposition", "bar");
  priv->text = gst_element_factory_make("textoverlay", "text");
  if (priv->bar) gst_bin_add(GST_BIN(self), priv->bar);
  if (priv->text) gst_bin_add(GST_BIN(self), priv->text);
  if (priv->bar && priv->text) {
    gst_element_link_pads(priv->bar, "src", priv->text, "video_sink");
    gst_util_set_object_arg(G_OBJECT(priv->text), "halignment", "left");
    gst_util_set_object_arg(G_OBJECT(priv->text), "valignment", "bottom");
    gst_util_set_object_arg(G_OBJECT(priv->text), "line-alignment", "left");
    g_object_set(priv->text, "auto-resize", FALSE, "shaded-background", TRUE,
                 nullptr);
    g_signal_connect(priv->bar, "draw", G_CALLBACK(draw), self);
    g_signal_connect(priv->bar, "caps-changed", G_CALLBACK(caps_changed), self);
  }
  add_ghost_pad(self, "sink", priv->bar, "sink");
  add_ghost_pad(self, "src", priv->text, "src");
}

static void gst_progress_overlay_class_init(GstProgressOverlayClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_progress_overlay_debug, "progressoverlay", 0,
                          "progress over pictures");
  taegst::RegisterLatentStepMeta();
  object_class->set_property = gst_progress_overlay_set_property;
  object_class->get_property = gst_progress_overlay_get_property;
  object_class->finalize = gst_progress_overlay_finalize;
  g_object_class_install_property(object_class, kPropShow,
                                  taegst::ProgressShowSpec());
  element_class->change_state =
      GST_DEBUG_FUNCPTR(gst_progress_overlay_change_state);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Progress overlay", "Filter/Editor/Video",
      "Draws over a picture how far its generation is", "The tae authors");
}
