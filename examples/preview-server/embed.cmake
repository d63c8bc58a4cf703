# Puts the files of page/ into a C++ source:
#   cmake -D SOURCE=page -D OUT=page.cc -P embed.cmake
set(table "")
foreach(entry
    "|index.html|text/html; charset=utf-8"
    "style.css|style.css|text/css; charset=utf-8"
    "app.js|app.js|text/javascript; charset=utf-8"
    "icon.svg|icon.svg|image/svg+xml")
  string(REGEX MATCH "^([^|]*)[|]([^|]*)[|](.*)$" _ "${entry}")
  set(name "${CMAKE_MATCH_1}")
  set(file "${CMAKE_MATCH_2}")
  set(type "${CMAKE_MATCH_3}")
  file(READ "${SOURCE}/${file}" text)
  string(APPEND table
    "    {\"${name}\", \"${type}\", R\"embedded(${text})embedded\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made by embed.cmake.
#include \"page.h\"

namespace preview {

const PageFile* FindPageFile(std::string_view name) {
  static constexpr PageFile kFiles[] = {
${table}  };
  for (const PageFile& file : kFiles)
    if (file.name == name) return &file;
  return nullptr;
}

}  // namespace preview
")
