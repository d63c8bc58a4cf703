# Configures and builds this project for meson.build:
#   cmake -D SOURCE_DIR=... -D BUILD_DIR=... -D PKG_CONFIG_DIR=...
#         -P build.cmake -- -Dname=value...
# An up to date tree costs a second.
set(settings "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(index RANGE ${last})
  if(CMAKE_ARGV${index} STREQUAL "--")
    set(after_dashes ON)
  elseif(after_dashes)
    list(APPEND settings "${CMAKE_ARGV${index}}")
  endif()
endforeach()

set(ENV{PKG_CONFIG_PATH} "${PKG_CONFIG_DIR}:$ENV{PKG_CONFIG_PATH}")
foreach(command
    "-S;${SOURCE_DIR};-B;${BUILD_DIR};-G;Ninja;${settings}"
    "--build;${BUILD_DIR}")
  execute_process(COMMAND ${CMAKE_COMMAND} ${command}
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
