#include "taedecode/settings.h"

namespace taegst {
namespace {

GType RegisterEnum(const char* name, const GEnumValue* values) {
  // As for the variants: the plugin may have registered the type already.
  if (const GType known = g_type_from_name(name)) return known;
  const GType type = g_enum_register_static(name, values);
  gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  return type;
}

template <typename Enum>
constexpr int Value(Enum value) {
  return static_cast<int>(value);
}

}  // namespace

GType MethodGetType() {
  static const GEnumValue values[] = {
      {Value(Method::kAuto), "The best there is: tae, builtin, linear", "auto"},
      {Value(Method::kTae), "Tiny autoencoder, an error without weights",
       "tae"},
      {Value(Method::kBuiltin), "Small decoder that needs no file (flux2)",
       "builtin"},
      {Value(Method::kLinear), "Linear projection: no weights, little detail",
       "linear"},
      {0, nullptr, nullptr}};
  static const GType type = RegisterEnum("GstTaeMethod", values);
  return type;
}

std::string MethodName(Method method) {
  auto* values = static_cast<GEnumClass*>(g_type_class_ref(MethodGetType()));
  const GEnumValue* value = g_enum_get_value(values, Value(method));
  const std::string name = value != nullptr ? value->value_nick : "";
  g_type_class_unref(values);
  return name;
}

GType DenoiseGetType() {
  static const GEnumValue values[] = {
      {Value(Denoise::kAuto), "Where the caps say pred=x", "auto"},
      {Value(Denoise::kOff), "Never: show the latents as they come", "off"},
      {Value(Denoise::kOn), "Always: the producer does not say pred=x", "on"},
      {0, nullptr, nullptr}};
  static const GType type = RegisterEnum("GstTaeDenoise", values);
  return type;
}

GType PrecisionGetType() {
  using tae::Precision;
  static const GEnumValue values[] = {
      {Value(Precision::kAuto), "The fastest that is as good as f16", "auto"},
      {Value(Precision::kF16), "As good as 16-bit floats", "f16"},
      {Value(Precision::kF32), "As good as 32-bit floats", "f32"},
      {Value(Precision::kBF16), "As good as bfloat16", "bf16"},
      {Value(Precision::kInt8), "8-bit integers, the roughest", "int8"},
      {0, nullptr, nullptr}};
  static const GType type = RegisterEnum("GstTaePrecision", values);
  return type;
}

}  // namespace taegst
