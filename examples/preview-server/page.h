// The files of page/, as the build put them into the program.
#pragma once

#include <string_view>

namespace preview {

struct PageFile {
  std::string_view name;  // "" = the page itself
  const char* type;
  std::string_view text;
};

// Null when there is none of this name.
const PageFile* FindPageFile(std::string_view name);

}  // namespace preview
