#include "common/variant_enum.h"

#include <gst/gst.h>

#include <string>
#include <vector>

#include "tae/variant.h"

namespace taegst {
namespace {

const char* Intern(std::string_view text) {
  return g_intern_string(std::string(text).c_str());
}

GType RegisterVariants() {
  // A program may hold this code twice: linked in, and in the loaded plugin.
  if (const GType known = g_type_from_name("GstTaeVariant")) return known;
  // GObject keeps the pointer: the table lives as long as the process.
  static std::vector<GEnumValue>* values = new std::vector<GEnumValue>;
  values->push_back({kVariantAuto, "Chosen from the caps", "auto"});
  for (const tae::VariantInfo& info : tae::Variants()) {
    const int value = static_cast<int>(values->size());
    values->push_back({value, Intern(info.description), Intern(info.name)});
  }
  values->push_back({0, nullptr, nullptr});
  const GType type = g_enum_register_static("GstTaeVariant", values->data());
  gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  return type;
}

}  // namespace

GType VariantGetType() {
  static const GType type = RegisterVariants();
  return type;
}

std::string_view VariantName(int value) {
  const auto variants = tae::Variants();
  if (value <= kVariantAuto || value > static_cast<int>(variants.size()))
    return "";
  return variants[value - 1].name;
}

}  // namespace taegst
