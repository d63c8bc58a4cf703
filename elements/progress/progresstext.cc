/**
 * SECTION:element-progresstext
 * @title: progresstext
 * @short_description: Tells in text how far a generation is
 *
 * A line of text for each latent or frame that has the meta `latent-step`, with
 * its timestamps: for `textoverlay` (text_sink), for subtitles in a file, or
 * for `srtenc`. What lacks the meta becomes a gap.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 latentsrc num-buffers=28 ! progresstext ! srtenc ! \
 *   filesink location=steps.srt
 * ]| Subtitles of a generation.
 * |[
 * gst-launch-1.0 latentsrc ! tee name=t ! queue ! taedecode ! videoconvert ! \
 *   o.video_sink t. ! queue ! progresstext ! textoverlay name=o ! \
 *   videoconvert ! autovideosink
 * ]| The text over the pictures, set as one likes.
 *
 * Since: 0.1
 */
#include "progress/progresstext.h"

#include <mutex>
#include <string>

#include "common/gst_ptr.h"
#include "common/guard.h"
#include "common/latent_caps.h"
#include "progress/progress_text.h"

GST_DEBUG_CATEGORY_STATIC(gst_progress_text_debug);
#define GST_CAT_DEFAULT gst_progress_text_debug

namespace {

struct Private {
  std::mutex mutex;  // of show
  guint show = taegst::kShowAll;
  taegst::ProgressClock clock;  // the streaming thread's
};

}  // namespace

struct _GstProgressText {
  GstBaseTransform parent;
  Private* priv;
};

G_DEFINE_TYPE(GstProgressText, gst_progress_text, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(progresstext, "progresstext", GST_RANK_NONE,
                            GST_TYPE_PROGRESS_TEXT)

#define PARENT_CLASS GST_BASE_TRANSFORM_CLASS(gst_progress_text_parent_class)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(TAE_LATENT_CAPS "; " TAE_TENSORS_CAPS
                                    "; video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("text/x-raw, format=(string)utf8"));

enum { kPropShow = 1 };

static GstCaps* gst_progress_text_transform_caps(GstBaseTransform* base,
                                                 GstPadDirection direction,
                                                 GstCaps*, GstCaps* filter) {
  GstPad* other = direction == GST_PAD_SINK ? GST_BASE_TRANSFORM_SRC_PAD(base)
                                            : GST_BASE_TRANSFORM_SINK_PAD(base);
  GstCaps* caps = gst_pad_get_pad_template_caps(other);
  if (filter == nullptr) return caps;
  const taegst::GstPtr<GstCaps> all(caps);
  return gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
}

static GstBuffer* text_of(GstProgressText* self, GstBuffer* frame) {
  const auto step = taegst::GetLatentStep(frame);
  if (!step) return nullptr;
  GstBaseTransform* base = GST_BASE_TRANSFORM(self);
  const taegst::Progress progress =
      self->priv->clock.Add(*step, taegst::RunningTime(&base->segment, frame));
  guint show = 0;
  {
    std::lock_guard lock(self->priv->mutex);
    show = self->priv->show;
  }
  const std::string text = taegst::ProgressText(progress, show);
  if (text.empty()) return nullptr;
  GstBuffer* buffer = gst_buffer_new_memdup(text.data(), text.size());
  gst_buffer_copy_into(buffer, frame,
                       GstBufferCopyFlags(GST_BUFFER_COPY_TIMESTAMPS), 0, -1);
  GST_BUFFER_OFFSET(buffer) = GST_BUFFER_OFFSET_NONE;
  GST_BUFFER_OFFSET_END(buffer) = GST_BUFFER_OFFSET_NONE;
  taegst::SetLatentStep(buffer, *step);
  return buffer;
}

static GstFlowReturn gst_progress_text_prepare_output_buffer(
    GstBaseTransform* base, GstBuffer* frame, GstBuffer** out) {
  auto* self = GST_PROGRESS_TEXT(base);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    *out = text_of(self, frame);
    if (*out != nullptr) return GST_FLOW_OK;
    if (GST_BUFFER_PTS_IS_VALID(frame))
      gst_pad_push_event(
          GST_BASE_TRANSFORM_SRC_PAD(base),
          gst_event_new_gap(GST_BUFFER_PTS(frame), GST_BUFFER_DURATION(frame)));
    return GST_BASE_TRANSFORM_FLOW_DROPPED;
  });
}

// The text was made with its buffer.
static GstFlowReturn gst_progress_text_transform(GstBaseTransform*, GstBuffer*,
                                                 GstBuffer*) {
  return GST_FLOW_OK;
}

static gboolean gst_progress_text_start(GstBaseTransform* base) {
  GST_PROGRESS_TEXT(base)->priv->clock.Reset();
  return TRUE;
}

static void gst_progress_text_set_property(GObject* object, guint id,
                                           const GValue* value,
                                           GParamSpec* pspec) {
  Private* priv = GST_PROGRESS_TEXT(object)->priv;
  std::lock_guard lock(priv->mutex);
  if (id == kPropShow)
    priv->show = g_value_get_flags(value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_progress_text_get_property(GObject* object, guint id,
                                           GValue* value, GParamSpec* pspec) {
  Private* priv = GST_PROGRESS_TEXT(object)->priv;
  std::lock_guard lock(priv->mutex);
  if (id == kPropShow)
    g_value_set_flags(value, priv->show);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_progress_text_finalize(GObject* object) {
  delete GST_PROGRESS_TEXT(object)->priv;
  G_OBJECT_CLASS(gst_progress_text_parent_class)->finalize(object);
}

static void gst_progress_text_init(GstProgressText* self) {
  self->priv = new Private;
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), FALSE);
}

static void gst_progress_text_class_init(GstProgressTextClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_progress_text_debug, "progresstext", 0,
                          "progress in text");
  taegst::RegisterLatentStepMeta();
  object_class->set_property = gst_progress_text_set_property;
  object_class->get_property = gst_progress_text_get_property;
  object_class->finalize = gst_progress_text_finalize;
  g_object_class_install_property(object_class, kPropShow,
                                  taegst::ProgressShowSpec());
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Progress text", "Filter/Converter/Video/Subtitle",
      "Tells in text how far a generation is", "The tae authors");
  base_class->transform_caps =
      GST_DEBUG_FUNCPTR(gst_progress_text_transform_caps);
  base_class->prepare_output_buffer =
      GST_DEBUG_FUNCPTR(gst_progress_text_prepare_output_buffer);
  base_class->transform = GST_DEBUG_FUNCPTR(gst_progress_text_transform);
  base_class->start = GST_DEBUG_FUNCPTR(gst_progress_text_start);
}
