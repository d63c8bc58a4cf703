#include "latentparse/parse_settings.h"

namespace taegst {
namespace {

constexpr guint64 kLargestLimit = guint64{1} << 30;

enum { kPropFramerate = 1, kPropMaxBytes, kPropMaxHeaderSize };

}  // namespace

tae::LatentLimits ParseSettings::limits(bool live) const {
  tae::LatentLimits limits;
  limits.payload_bytes = max_bytes;
  limits.header_bytes = live ? max_header_size : limits.file_header_bytes;
  return limits;
}

void InstallParseProperties(GObjectClass* object_class) {
  const auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                 GST_PARAM_MUTABLE_READY);
  g_object_class_install_property(
      object_class, kPropFramerate,
      gst_param_spec_fraction("framerate", "Framerate",
                              "Latents a second where neither the caps nor the "
                              "stream say it",
                              1, 1000, 1000, 1, 10, 1, flags));
  g_object_class_install_property(
      object_class, kPropMaxBytes,
      g_param_spec_uint64("max-bytes", "Max bytes",
                          "Largest message that is accepted, in bytes", 1,
                          kLargestLimit, tae::LatentLimits{}.payload_bytes,
                          flags));
  g_object_class_install_property(
      object_class, kPropMaxHeaderSize,
      g_param_spec_uint64("max-header-size", "Max header size",
                          "Live input: largest header of a message, with its "
                          "metadata, in bytes (files: 100 MB)",
                          16, kLargestLimit, tae::LatentLimits{}.header_bytes,
                          flags));
}

bool SetParseSetting(ParseSettings* settings, guint id, const GValue* value) {
  switch (id) {
    case kPropFramerate:
      settings->fps_n = gst_value_get_fraction_numerator(value);
      settings->fps_d = gst_value_get_fraction_denominator(value);
      return true;
    case kPropMaxBytes:
      settings->max_bytes = g_value_get_uint64(value);
      return true;
    case kPropMaxHeaderSize:
      settings->max_header_size = g_value_get_uint64(value);
      return true;
    default:
      return false;
  }
}

bool GetParseSetting(const ParseSettings& settings, guint id, GValue* value) {
  switch (id) {
    case kPropFramerate:
      gst_value_set_fraction(value, settings.fps_n, settings.fps_d);
      return true;
    case kPropMaxBytes:
      g_value_set_uint64(value, settings.max_bytes);
      return true;
    case kPropMaxHeaderSize:
      g_value_set_uint64(value, settings.max_header_size);
      return true;
    default:
      return false;
  }
}

}  // namespace taegst
