#include "taedecode/settings.h"

#include "common/enum_type.h"

namespace taegst {
namespace {

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
  std::string name = value != nullptr ? value->value_nick : "";
  g_type_class_unref(values);
  return name;
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
