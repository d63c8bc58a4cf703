#include "element_property.h"

namespace preview {
namespace {

tae::Status Refuse(GstElement* element, const std::string& what,
                   const char* why) {
  std::string text = what + ": " + why + "; gst-inspect-1.0 ";
  text += GST_OBJECT_NAME(gst_element_get_factory(element));
  text += " lists what there is";
  return tae::InvalidArgument(text);
}

}  // namespace

tae::Status SetProperty(GstElement* element, const std::string& name,
                        const std::string& value) {
  GParamSpec* property =
      g_object_class_find_property(G_OBJECT_GET_CLASS(element), name.c_str());
  if (property == nullptr || (property->flags & G_PARAM_WRITABLE) == 0)
    return Refuse(element, name, "there is no such property");
  GValue parsed = G_VALUE_INIT;
  g_value_init(&parsed, property->value_type);
  const bool fits =
      gst_value_deserialize_with_pspec(&parsed, value.c_str(), property) &&
      !g_param_value_validate(property, &parsed);
  if (fits) g_object_set_property(G_OBJECT(element), name.c_str(), &parsed);
  g_value_unset(&parsed);
  if (!fits)
    return Refuse(element, name + "=" + value,
                  "the property takes other values");
  return {};
}

}  // namespace preview
