#include "latentsrc/source_settings.h"

namespace taegst {
namespace {

constexpr guint64 kLargestLimit = guint64{1} << 30;

constexpr auto kFlags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                    GST_PARAM_MUTABLE_READY);

GType PatternGetType() {
  static const GEnumValue values[] = {
      {int(DemoPattern::kCycle), "Another one each generation", "cycle"},
      {int(DemoPattern::kLandscape), "A landscape", "landscape"},
      {int(DemoPattern::kStillLife), "A still life", "still-life"},
      {0, nullptr, nullptr}};
  // The same code may be linked into a plugin and a program that loads it.
  static const GType type = [] {
    const GType known = g_type_from_name("GstLatentSrcPattern");
    return known != 0 ? known
                      : g_enum_register_static("GstLatentSrcPattern", values);
  }();
  return type;
}

void InstallInputProperties(GObjectClass* object_class) {
  const auto add = [&](guint id, GParamSpec* spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  add(kSourceLocation,
      g_param_spec_string(
          "location", "Location",
          "File, folder, glob or step_%03d.npy pattern of .safetensors, .npy "
          "and .latent; or unix:/path, tcp://host:port or - (standard input) "
          "to take latents from running programs (unset = demo)",
          "", kFlags));
  add(kSourceContinue,
      g_param_spec_boolean("continue-on-error", "Continue on error",
                           "Warn about a wrong file and leave it out", FALSE,
                           kFlags));
  add(kSourceAllowRemote,
      g_param_spec_boolean("allow-remote", "Allow remote",
                           "Listen at addresses that other machines reach",
                           FALSE, kFlags));
  add(kSourceMaxBytes,
      g_param_spec_uint64("max-bytes", "Max bytes",
                          "Refuse latents larger than this", 1, kLargestLimit,
                          SourceSettings{}.max_bytes, kFlags));
  add(kSourceVariant,
      g_param_spec_enum(
          "variant", "Variant",
          "Latent space (auto = what the latents say; demo: what downstream "
          "takes)",
          VariantGetType(), kVariantAuto, kFlags));
  add(kSourceStepTime,
      g_param_spec_uint64("step-time", "Step time",
                          "Demo and files: duration of a latent (nanoseconds)",
                          GST_MSECOND, 3600 * GST_SECOND,
                          DemoSettings{}.step_time, kFlags));
  add(kSourceIsLive,
      g_param_spec_boolean("is-live", "Is live",
                           "Demo and files: pace the latents by the clock",
                           FALSE, kFlags));
  add(kSourceStats,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Of running programs: received, dropped (replaced by "
          "newer ones), connections, failures, address",
          GST_TYPE_STRUCTURE,
          GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

void InstallDemoProperties(GObjectClass* object_class) {
  const DemoSettings initial;
  const auto add = [&](guint id, GParamSpec* spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  add(kSourcePattern,
      g_param_spec_enum("pattern", "Pattern", "Demo: the picture",
                        PatternGetType(), int(initial.pattern), kFlags));
  add(kSourceNoisy, g_param_spec_boolean(
                        "noisy", "Noisy",
                        "Demo: the sampler's noisy x, not the estimate of x0",
                        initial.noisy, kFlags));
  add(kSourceWidth, g_param_spec_int("width", "Width", "Demo: pixels", 8, 8192,
                                     initial.width, kFlags));
  add(kSourceHeight, g_param_spec_int("height", "Height", "Demo: pixels", 8,
                                      8192, initial.height, kFlags));
  add(kSourceSteps,
      g_param_spec_int("steps", "Steps", "Demo: steps of a generation", 1, 1000,
                       initial.steps, kFlags));
  add(kSourceSeed,
      g_param_spec_uint64("seed", "Seed", "Demo: of the first noise", 0,
                          G_MAXUINT64, initial.seed, kFlags));
}

}  // namespace

void InstallSourceProperties(GObjectClass* object_class) {
  InstallInputProperties(object_class);
  InstallDemoProperties(object_class);
  gst_type_mark_as_plugin_api(PatternGetType(), GstPluginAPIFlags(0));
}

bool SetSourceSetting(SourceSettings* settings, guint id, const GValue* value) {
  switch (id) {
    case kSourceLocation: {
      const char* text = g_value_get_string(value);
      settings->location = text ? text : "";
      return true;
    }
    case kSourceContinue:
      settings->continue_on_error = g_value_get_boolean(value);
      return true;
    case kSourceAllowRemote:
      settings->allow_remote = g_value_get_boolean(value);
      return true;
    case kSourceMaxBytes:
      settings->max_bytes = g_value_get_uint64(value);
      return true;
    case kSourcePattern:
      settings->demo.pattern = DemoPattern(g_value_get_enum(value));
      return true;
    case kSourceNoisy:
      settings->demo.noisy = g_value_get_boolean(value);
      return true;
    case kSourceVariant:
      settings->variant = g_value_get_enum(value);
      return true;
    case kSourceWidth:
      settings->demo.width = g_value_get_int(value);
      return true;
    case kSourceHeight:
      settings->demo.height = g_value_get_int(value);
      return true;
    case kSourceSteps:
      settings->demo.steps = g_value_get_int(value);
      return true;
    case kSourceStepTime:
      settings->demo.step_time = g_value_get_uint64(value);
      return true;
    case kSourceSeed:
      settings->demo.seed = g_value_get_uint64(value);
      return true;
    case kSourceIsLive:
      settings->is_live = g_value_get_boolean(value);
      return true;
    default:
      return false;
  }
}

bool GetSourceSetting(const SourceSettings& settings, guint id, GValue* value) {
  switch (id) {
    case kSourceLocation:
      g_value_set_string(value, settings.location.c_str());
      return true;
    case kSourceContinue:
      g_value_set_boolean(value, settings.continue_on_error);
      return true;
    case kSourceAllowRemote:
      g_value_set_boolean(value, settings.allow_remote);
      return true;
    case kSourceMaxBytes:
      g_value_set_uint64(value, settings.max_bytes);
      return true;
    case kSourcePattern:
      g_value_set_enum(value, int(settings.demo.pattern));
      return true;
    case kSourceNoisy:
      g_value_set_boolean(value, settings.demo.noisy);
      return true;
    case kSourceVariant:
      g_value_set_enum(value, settings.variant);
      return true;
    case kSourceWidth:
      g_value_set_int(value, settings.demo.width);
      return true;
    case kSourceHeight:
      g_value_set_int(value, settings.demo.height);
      return true;
    case kSourceSteps:
      g_value_set_int(value, settings.demo.steps);
      return true;
    case kSourceStepTime:
      g_value_set_uint64(value, settings.demo.step_time);
      return true;
    case kSourceSeed:
      g_value_set_uint64(value, settings.demo.seed);
      return true;
    case kSourceIsLive:
      g_value_set_boolean(value, settings.is_live);
      return true;
    default:
      return false;
  }
}

}  // namespace taegst
