# Puts the files of page/ into a C++ source:
#   cmake -D SOURCE=page -D OUT=page.cc -P embed.cmake
set(table "")
foreach(file index.html style.css icon.svg app.js dom.js film.js gallery.js
    model.js panel.js plot.js rtc.js stage.js theme.js)
  get_filename_component(ending "${file}" LAST_EXT)
  set(type_.html "text/html; charset=utf-8")
  set(type_.css "text/css; charset=utf-8")
  set(type_.js "text/javascript; charset=utf-8")
  set(type_.svg "image/svg+xml")
  set(name "${file}")
  if(file STREQUAL "index.html")
    set(name "")
  endif()
  file(READ "${SOURCE}/${file}" text)
  string(APPEND table
    "    {\"${name}\", \"${type_${ending}}\", R\"embedded(${text})embedded\"},\n")
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
