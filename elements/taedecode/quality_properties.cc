#include "taedecode/quality_properties.h"

#include "common/enum_type.h"
#include "taedecode/properties.h"

namespace taegst {
namespace {

constexpr auto kReady = static_cast<GParamFlags>(
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

int ValueOf(tae::Quality quality) { return 1 + static_cast<int>(quality); }

void InstallAnytimeProperties(GObjectClass* c) {
  /**
   * GstTaeDecode:anytime:
   *
   * With #GstTaeDecode:quality `auto` a latent shows at once on a low rung, and
   * better while no newer latent is there: several frames a latent, each later
   * in time than the one before, all with the same `step` in their meta
   * `latent-step` and another `rung`. A newer latent interrupts at once, one
   * that repeats the last adds no frame. A final one, the last before the end
   * of the stream, and the last before new caps come to the best rung first.
   *
   * For a window. A recording wants each latent once, on the best rung: leave
   * it off.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropAnytime,
      g_param_spec_boolean("anytime", "Anytime",
                           "Show a latent at once, and better while there is "
                           "time: several frames a latent",
                           FALSE, kReady));
  /**
   * GstTaeDecode:cpu-share:
   *
   * After each picture of #GstTaeDecode:anytime the decoder rests until it has
   * worked no more than this share of the time. 0 refines the last picture
   * only.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropCpuShare,
      g_param_spec_double("cpu-share", "CPU Share",
                          "Share of the time that anytime may work", 0, 1, 1,
                          kReady));
  /**
   * GstTaeDecode:max-latency:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropMaxLatency,
      g_param_spec_uint64("max-latency", "Maximum Latency",
                          "Nanoseconds that the first picture of a latent may "
                          "take with anytime; else the lowest rung is shown",
                          0, G_MAXUINT64, QualitySettings().max_latency,
                          kReady));
}

}  // namespace

GType QualityGetType() {
  using tae::Quality;
  static const GEnumValue values[] = {
      {0, "The best that downstream has time for", "auto"},
      {ValueOf(Quality::kLinear), "Linear projection: little detail", "linear"},
      {ValueOf(Quality::kBuiltin), "Small decoder that is built in (flux2)",
       "builtin"},
      {ValueOf(Quality::kStage1), "Stage 1 of the tiny autoencoder (flux2)",
       "stage1"},
      {ValueOf(Quality::kStage2), "Stages 1 and 2 (flux2)", "stage2"},
      {ValueOf(Quality::kStage3), "Stages 1 to 3 (flux2)", "stage3"},
      {ValueOf(Quality::kFull), "All that the method has", "full"},
      {0, nullptr, nullptr}};
  static const GType type = RegisterEnum("GstTaeQuality", values);
  return type;
}

GType ScaleGetType() {
  static const GEnumValue values[] = {
      {0, "The largest that downstream and max-size allow", "auto"},
      {1, "Full size", "1"},
      {2, "Half of each side", "1/2"},
      {4, "A quarter of each side", "1/4"},
      {8, "An eighth of each side: a pixel for a latent pixel", "1/8"},
      {0, nullptr, nullptr}};
  static const GType type = RegisterEnum("GstTaeScale", values);
  return type;
}

void InstallQualityProperties(GObjectClass* c) {
  /**
   * GstTaeDecode:quality:
   *
   * A rung of the ladder from a projection to the full decoder. Any value but
   * `auto` gives the same picture for the same latent, always. `auto` begins
   * with the best rung, goes down when frames come too late downstream
   * (#GstVideoDecoder:qos) before any is dropped, and up again when there is
   * time.
   *
   * #GstTaeDecode:method says which decoders are there to choose from: all, the
   * file's (stage1, stage2, stage3, full), or one without a file. `full` is the
   * best of these. A rung that is not there is an error.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropQuality,
      g_param_spec_enum("quality", "Quality",
                        "Rung of the ladder that pictures are decoded on",
                        QualityGetType(), 0, kReady));
  /**
   * GstTaeDecode:scale:
   *
   * A smaller picture is decoded in less time, not shrunk afterwards, where the
   * decoder has a rung for it. With `auto` downstream's caps decide, for
   * example `video/x-raw,width=512,height=512` behind a latent of 1024x1024
   * pixels.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropScale,
      g_param_spec_enum("scale", "Scale",
                        "Size of the picture, of the size that was generated",
                        ScaleGetType(), 0, kReady));
  /**
   * GstTaeDecode:max-size:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      c, kPropMaxSize,
      g_param_spec_uint("max-size", "Maximum Size",
                        "Longer side of the picture in pixels, where scale is "
                        "auto (0 = any; an eighth is the smallest)",
                        0, G_MAXINT, 0, kReady));
  InstallAnytimeProperties(c);
}

bool SetQualityProperty(QualitySettings* s, guint id, const GValue* value) {
  switch (id) {
    case kPropQuality: {
      const int number = g_value_get_enum(value);
      s->quality.reset();
      if (number > 0) s->quality = static_cast<tae::Quality>(number - 1);
      return true;
    }
    case kPropScale:
      s->scale = g_value_get_enum(value);
      return true;
    case kPropMaxSize:
      s->max_size = g_value_get_uint(value);
      return true;
    case kPropAnytime:
      s->anytime = g_value_get_boolean(value) != FALSE;
      return true;
    case kPropCpuShare:
      s->cpu_share = g_value_get_double(value);
      return true;
    case kPropMaxLatency:
      s->max_latency = g_value_get_uint64(value);
      return true;
    default:
      return false;
  }
}

bool GetQualityProperty(const QualitySettings& s, guint id, GValue* value) {
  switch (id) {
    case kPropQuality:
      g_value_set_enum(value, s.quality ? ValueOf(*s.quality) : 0);
      return true;
    case kPropScale:
      g_value_set_enum(value, s.scale);
      return true;
    case kPropMaxSize:
      g_value_set_uint(value, s.max_size);
      return true;
    case kPropAnytime:
      g_value_set_boolean(value, s.anytime);
      return true;
    case kPropCpuShare:
      g_value_set_double(value, s.cpu_share);
      return true;
    case kPropMaxLatency:
      g_value_set_uint64(value, s.max_latency);
      return true;
    default:
      return false;
  }
}

}  // namespace taegst
