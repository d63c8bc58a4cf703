// Names of models, in the many ways in which people write them.
#pragma once

#include <string>
#include <string_view>

namespace tae {

// What is compared: lower-case letters and digits, of the last part of a path,
// without what repositories and programs put around a model's name.
// "stabilityai/stable-diffusion-3.5-large" and "VERSION_SD3_5_LARGE" both give
// "sd35large".
std::string FoldName(std::string_view name);

// Whether `rest`, what a folded name has behind that of a space, only says
// which of its models it is: "dev", "9b", "turbofp8", "pipeline".
bool IsQualifier(std::string_view rest);

// How far a folded name is from an alias, which is not empty: the share of it
// that must be edited to make the start of the name, and a little for what
// follows. Smaller is nearer.
int NameDistance(std::string_view name, std::string_view alias);

}  // namespace tae
