#include "latentsrc/source_settings.h"

#include "common/latent_caps.h"
#include "tae/variant.h"

namespace taegst {
namespace {

constexpr guint64 kLargestLimit = guint64{1} << 30;

constexpr auto kFlags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                    GST_PARAM_MUTABLE_READY);

// An enum for a property, once: the same code may be linked into a plugin and a
// program that loads it.
GType EnumType(const char* name, const GEnumValue* values) {
  const GType known = g_type_from_name(name);
  return known != 0 ? known : g_enum_register_static(name, values);
}

constexpr char kAsSaid[] = "What the latents say, else what their shape says";

GType DomainGetType() {
  static const GEnumValue values[] = {
      {0, kAsSaid, "auto"},
      {1, "As the diffusion model sees it", "sampler"},
      {2, "As the VAE sees it", "vae"},
      {0, nullptr, nullptr}};
  static const GType type = EnumType("GstLatentSrcDomain", values);
  return type;
}

GType LayoutGetType() {
  static const GEnumValue values[] = {
      {0, kAsSaid, "auto"},
      {1, "Channels, rows, columns", "nchw"},
      {2, "Channels, one frame, rows, columns", "ncthw"},
      {3, "Rows, columns, channels", "nhwc"},
      {4, "Tokens of 2x2 latent pixels, channel by channel", "packed"},
      {5, "The same, channels first", "packed-nchw"},
      {6, "Tokens in the order of Ideogram 4", "packed-ideogram4"},
      {0, nullptr, nullptr}};
  static const GType type = EnumType("GstLatentSrcLayout", values);
  return type;
}

// The nick of an enum's value, "" for 0.
std::string NickOf(GType type, int value) {
  if (value == 0) return "";
  auto* enums = static_cast<GEnumClass*>(g_type_class_ref(type));
  const GEnumValue* found = g_enum_get_value(enums, value);
  std::string nick = found ? found->value_nick : "";
  g_type_class_unref(enums);
  return nick;
}

GType PatternGetType() {
  static const GEnumValue values[] = {
      {int(DemoPattern::kCycle), "Another one each generation", "cycle"},
      {int(DemoPattern::kLandscape), "A landscape", "landscape"},
      {int(DemoPattern::kStillLife), "A still life", "still-life"},
      {0, nullptr, nullptr}};
  static const GType type = EnumType("GstLatentSrcPattern", values);
  return type;
}

void InstallPlaceProperties(GObjectClass* object_class) {
  const auto add = [&](guint id, GParamSpec* spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  add(kSourceLocation,
      g_param_spec_string(
          "location", "Location",
          "File, folder, glob or step_%03d.npy pattern of .safetensors, .npy, "
          ".npz and .latent; or unix: (the user's own socket), unix:/path, "
          "tcp://host:port or - (standard input) to take latents from running "
          "programs (unset = demo)",
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
  add(kSourceMaxHeaderSize,
      g_param_spec_uint64("max-header-size", "Max header size",
                          "Running programs: largest header of a latent, with "
                          "its metadata, in bytes (files: 100 MB)",
                          16, kLargestLimit, SourceSettings{}.max_header_size,
                          kFlags));
  add(kSourceKeepAll,
      g_param_spec_boolean(
          "keep-all", "Keep all",
          "Running programs: pass every latent on, for recordings, instead of "
          "the newest when what follows is slow",
          FALSE, kFlags));
  add(kSourceMaxBacklog,
      g_param_spec_uint64("max-backlog", "Max backlog",
                          "keep-all: bytes of latents that may wait; programs "
                          "are not read from beyond that",
                          1, guint64{64} << 30, SourceSettings{}.max_backlog,
                          kFlags));
}

void InstallInputProperties(GObjectClass* object_class) {
  const auto add = [&](guint id, GParamSpec* spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  add(kSourceVariant,
      g_param_spec_string(
          "variant", "Variant",
          "Latent space, by any of its names, in place of what the latents say "
          "(auto = what they say; demo: what downstream takes)",
          "auto", kFlags));
  add(kSourceDomain,
      g_param_spec_enum("domain", "Domain",
                        "Files and running programs: domain of the latents, in "
                        "place of what they say",
                        DomainGetType(), 0, kFlags));
  add(kSourceLayout,
      g_param_spec_enum("layout", "Layout",
                        "Files and running programs: layout of the latents, in "
                        "place of what they say",
                        LayoutGetType(), 0, kFlags));
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
          "Of running programs: received, dropped (replaced by newer ones), "
          "waiting, connections, connected (at present), evicted (made "
          "room for others), failures, "
          "address",
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
  InstallPlaceProperties(object_class);
  InstallInputProperties(object_class);
  InstallDemoProperties(object_class);
  for (const GType type : {PatternGetType(), DomainGetType(), LayoutGetType()})
    gst_type_mark_as_plugin_api(type, GstPluginAPIFlags(0));
}

tae::LatentLimits SourceSettings::limits() const {
  tae::LatentLimits limits;
  limits.payload_bytes = max_bytes;
  limits.header_bytes = max_header_size;
  return limits;
}

tae::StatusOr<LatentOverrides> SourceSettings::overrides() const {
  LatentOverrides overrides;
  overrides.domain = NickOf(DomainGetType(), domain);
  overrides.layout = NickOf(LayoutGetType(), layout);
  if (variant.empty() || variant == "auto") return overrides;
  const tae::VariantInfo* known = tae::FindVariant(variant);
  if (known == nullptr) return tae::UnknownVariant(variant);
  overrides.variant = known->name;
  return overrides;
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
    case kSourceVariant: {
      const char* text = g_value_get_string(value);
      settings->variant = text ? text : "auto";
      return true;
    }
    case kSourceDomain:
      settings->domain = g_value_get_enum(value);
      return true;
    case kSourceLayout:
      settings->layout = g_value_get_enum(value);
      return true;
    case kSourceMaxHeaderSize:
      settings->max_header_size = g_value_get_uint64(value);
      return true;
    case kSourceKeepAll:
      settings->keep_all = g_value_get_boolean(value);
      return true;
    case kSourceMaxBacklog:
      settings->max_backlog = g_value_get_uint64(value);
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
      g_value_set_string(value, settings.variant.c_str());
      return true;
    case kSourceDomain:
      g_value_set_enum(value, settings.domain);
      return true;
    case kSourceLayout:
      g_value_set_enum(value, settings.layout);
      return true;
    case kSourceMaxHeaderSize:
      g_value_set_uint64(value, settings.max_header_size);
      return true;
    case kSourceKeepAll:
      g_value_set_boolean(value, settings.keep_all);
      return true;
    case kSourceMaxBacklog:
      g_value_set_uint64(value, settings.max_backlog);
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
