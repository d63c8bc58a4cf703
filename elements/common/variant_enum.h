// The latent spaces as a GObject enum, for properties of every element.
#pragma once

#include <glib-object.h>

#include <string_view>

namespace taegst {

inline constexpr int kVariantAuto = 0;

// GstTaeVariant: `auto` (0), then a value for each row of tae::Variants(), with
// its name as the nick.
GType VariantGetType();

// The name of a value: "" for auto and for what is no value of the enum.
std::string_view VariantName(int value);

}  // namespace taegst
