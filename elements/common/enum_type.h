// Enumerations as properties have them.
#pragma once

#include <gst/gst.h>

namespace taegst {

// A type of the plugin's API; values must live as long as the process, the last
// one is {0, nullptr, nullptr}. The plugin's copy of this code may have
// registered the name already: then that type is given.
inline GType RegisterEnum(const char* name, const GEnumValue* values) {
  if (const GType known = g_type_from_name(name)) return known;
  const GType type = g_enum_register_static(name, values);
  gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  return type;
}

}  // namespace taegst
