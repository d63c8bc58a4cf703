#include "taedecode/properties.h"

#include <string>

#include "tae/variant.h"
#include "taedecode/history_properties.h"
#include "taedecode/quality_properties.h"

namespace taegst {
namespace {

constexpr auto kReady = static_cast<GParamFlags>(
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto kPlaying = static_cast<GParamFlags>(
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto kReadOnly =
    static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

// "auto" and the spaces' own names, for gst-inspect-1.0.
const char* VariantBlurb() {
  std::string text =
      "Latent space of the input, and so the decoder, by any name of it or of "
      "a "
      "model that it belongs to: auto";
  for (const tae::VariantInfo& info : tae::Variants())
    text += ", " + std::string(info.name);
  return g_intern_string(text.c_str());
}

std::string TextOr(const GValue* value, const char* unset) {
  const char* text = g_value_get_string(value);
  return text != nullptr ? text : unset;
}

void InstallModelProperties(GObjectClass* c) {
  /**
   * GstTaeDecode:variant:
   *
   * The latent space. `auto` takes it from the caps, the weights in
   * #GstTaeDecode:model-file, or guesses it from the number of channels. Names
   * of models, of Hugging Face repositories and of other programs' classes are
   * taken too: `z-image`, `black-forest-labs/FLUX.1-dev`, `sd3.5`.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropVariant,
      g_param_spec_string("variant", "Variant", VariantBlurb(), "auto",
                          kReady));
  /**
   * GstTaeDecode:model-file:
   *
   * A decoder's weights, `.safetensors` or `.pth`, in any published key style.
   * Unset, they are searched for.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropModelFile,
      g_param_spec_string("model-file", "Model File",
                          "File of the decoder's weights (unset = search)",
                          nullptr, kReady));
  /**
   * GstTaeDecode:method:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropMethod,
      g_param_spec_enum("method", "Method", "How latents become pictures",
                        MethodGetType(), 0, kReady));
  /**
   * GstTaeDecode:precision:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropPrecision,
      g_param_spec_enum("precision", "Precision", "Grade of the arithmetic",
                        PrecisionGetType(), 0, kReady));
}

void InstallBatchProperty(GObjectClass* c) {
  /**
   * GstTaeDecode:batch:
   *
   * What is shown of a buffer with several latents (`batch` in the caps):
   * `grid` shows all, in ceil(sqrt(N)) columns, row by row; `first` the first;
   * a number that one, counted from 0 (of a smaller batch the last).
   * #GstTaeDecode:max-size and #GstTaeDecode:max-pixels hold for the grid.
   * #GstTaeDecode:change-only works for each latent of the batch on its own;
   * #GstTaeDecode:denoise and #GstTaeDecode:change-threshold take the batch as
   * one, for its latents have their step in common.
   *
   * Since: 0.2
   */
  g_object_class_install_property(
      c, kPropBatch,
      g_param_spec_string("batch", "Batch",
                          "Latents of a batch that are shown: grid, first, or "
                          "the number of one from 0",
                          "grid", kReady));
}

void InstallThreadProperties(GObjectClass* c) {
  /**
   * GstTaeDecode:n-threads:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropThreads,
      g_param_spec_uint("n-threads", "Number Of Threads",
                        "Threads that decode a picture (0 = all cores)", 0,
                        1024, 0, kReady));
  /**
   * GstTaeDecode:nice:
   *
   * Keeps the decoder's threads behind whatever else the machine does, such as
   * the generation itself. With one thread nothing is changed, for the
   * streaming thread itself decodes.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropNice,
      g_param_spec_int("nice", "Niceness",
                       "Added to the niceness of the decoder's threads", 0, 19,
                       0, kReady));
}

void InstallCostProperties(GObjectClass* c) {
  /**
   * GstTaeDecode:change-only:
   *
   * Decodes only the rows of a picture that hang on rows of the latent which
   * are not, byte for byte, those of the latent decoded before; the others are
   * copied from its picture. No bit of any picture is another. For inpainting,
   * whose clean latents stand still outside of the mask, and for latents that
   * come again.
   *
   * A changed row reaches 37 rows of the latent up and down: at 1024 pixels a
   * change of a tenth of the rows takes 0.42 (at the top) to 0.74 (in the
   * middle) of the time, at 4096 pixels 0.18 to 0.25. FLUX.2's decoders
   * normalise by the whole latent (GroupNorm): they decode all of it, but not a
   * latent that comes for the third time in a row. So does `method=linear`,
   * which is too cheap to gain. Elsewhere it takes the memory of one picture,
   * and 1 to 4 % of the time where everything changes.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropChangeOnly,
      g_param_spec_boolean("change-only", "Change Only",
                           "Do not decode again what is the same in the latent "
                           "before; no bit of the pictures changes",
                           Settings().change_only, kReady));
  /**
   * GstTaeDecode:every:
   *
   * Decodes each Nth latent of a generation, and its first and its last.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropEvery,
      g_param_spec_uint("every", "Every",
                        "Decode each Nth latent; the first and the last always",
                        1, G_MAXUINT, 1, kPlaying));
  /**
   * GstTaeDecode:max-pixels:
   *
   * Of the picture that is drawn: with #GstTaeDecode:max-size or
   * #GstTaeDecode:scale a smaller one than the latent's.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropMaxPixels,
      g_param_spec_uint64("max-pixels", "Maximum Pixels",
                          "Refuse latents whose drawn picture has more pixels",
                          1, G_MAXUINT64, Settings().max_pixels, kReady));
}

void InstallReportProperties(GObjectClass* c) {
  /**
   * GstTaeDecode:doctor:
   *
   * Looks at a few latents of each generation (the 1st, 2nd, 4th, 8th... and
   * the final one) and posts one warning when their numbers say that the caps
   * are wrong: another `layout` or `domain`, noise without `pred=x`, time in
   * place of channels, or nothing but a constant. The warning names the fix. A
   * look takes about 2 ms for 512x512 pixels of FLUX.2, 30 ms for 1024x1024.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropDoctor,
      g_param_spec_boolean("doctor", "Doctor",
                           "Warn where latents are not what the caps say", TRUE,
                           kPlaying));
  /**
   * GstTaeDecode:post-messages:
   *
   * Posts an element message `latent-step` for each picture.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropPostMessages,
      g_param_spec_boolean("post-messages", "Post Messages",
                           "Post a latent-step message for each picture", FALSE,
                           kPlaying));
  /**
   * GstTaeDecode:stats:
   *
   * Fields: decoded, repeated (by #GstTaeDecode:change-threshold), speed-up
   * (times as fast as decoding those too), rows-left-out (of decoded pictures,
   * by #GstTaeDecode:change-only), skipped (by #GstTaeDecode:every, and latents
   * that repeat the one that #GstTaeDecode:anytime is still making better),
   * dropped (late), corrupted (NaN or Inf), refused (no latent of these caps,
   * or none that can be shown), cancelled (by a flush, while it was decoded),
   * refined (shown again, better, by #GstTaeDecode:anytime),
   * last-decode-time and average-decode-time (nanoseconds), variant, method,
   * weights (a path), rung (of the newest picture) and denoise (of the newest
   * latent: none, clean, secant, held or scaled).
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropStats,
      g_param_spec_boxed("stats", "Statistics",
                         "Counts and times of the stream so far",
                         GST_TYPE_STRUCTURE, kReadOnly));
}

}  // namespace

void InstallProperties(GObjectClass* object_class) {
  InstallModelProperties(object_class);
  InstallBatchProperty(object_class);
  InstallHistoryProperties(object_class);
  InstallQualityProperties(object_class);
  InstallThreadProperties(object_class);
  InstallCostProperties(object_class);
  InstallReportProperties(object_class);
}

bool SetProperty(Settings* s, guint id, const GValue* value) {
  switch (id) {
    case kPropVariant:
      s->variant = TextOr(value, "auto");
      if (s->variant == "auto") s->variant.clear();
      return true;
    case kPropModelFile:
      s->model_file = TextOr(value, "");
      return true;
    case kPropBatch:
      s->batch = TextOr(value, "grid");
      return true;
    case kPropMethod:
      s->method = static_cast<Method>(g_value_get_enum(value));
      return true;
    case kPropPrecision:
      s->precision = static_cast<tae::Precision>(g_value_get_enum(value));
      return true;
    case kPropThreads:
      s->threads = g_value_get_uint(value);
      return true;
    case kPropNice:
      s->nice = g_value_get_int(value);
      return true;
    case kPropEvery:
      s->live.every = g_value_get_uint(value);
      return true;
    case kPropChangeOnly:
      s->change_only = g_value_get_boolean(value) != FALSE;
      return true;
    case kPropMaxPixels:
      s->max_pixels = g_value_get_uint64(value);
      return true;
    case kPropDoctor:
      s->live.doctor = g_value_get_boolean(value) != FALSE;
      return true;
    case kPropPostMessages:
      s->live.post_messages = g_value_get_boolean(value) != FALSE;
      return true;
    default:
      return SetHistoryProperty(&s->live.history, id, value) ||
             SetQualityProperty(&s->quality, id, value);
  }
}

bool GetProperty(const Settings& s, guint id, GValue* value) {
  switch (id) {
    case kPropVariant:
      g_value_set_string(value, s.variant.empty() ? "auto" : s.variant.c_str());
      return true;
    case kPropBatch:
      g_value_set_string(value, s.batch.c_str());
      return true;
    case kPropModelFile:
      g_value_set_string(value,
                         s.model_file.empty() ? nullptr : s.model_file.c_str());
      return true;
    case kPropMethod:
      g_value_set_enum(value, static_cast<int>(s.method));
      return true;
    case kPropPrecision:
      g_value_set_enum(value, static_cast<int>(s.precision));
      return true;
    case kPropThreads:
      g_value_set_uint(value, s.threads);
      return true;
    case kPropNice:
      g_value_set_int(value, s.nice);
      return true;
    case kPropEvery:
      g_value_set_uint(value, s.live.every);
      return true;
    case kPropChangeOnly:
      g_value_set_boolean(value, s.change_only);
      return true;
    case kPropMaxPixels:
      g_value_set_uint64(value, s.max_pixels);
      return true;
    case kPropDoctor:
      g_value_set_boolean(value, s.live.doctor);
      return true;
    case kPropPostMessages:
      g_value_set_boolean(value, s.live.post_messages);
      return true;
    default:
      return GetHistoryProperty(s.live.history, id, value) ||
             GetQualityProperty(s.quality, id, value);
  }
}

}  // namespace taegst
