#!/usr/bin/env bash
# install_test.sh BUILD WORK: installs a CMake build under WORK/prefix, then
# builds and runs the consumer project against it.
set -euo pipefail
build=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)

# What links a sanitised library is sanitised too.
CXXFLAGS=$(sed -n 's/^CMAKE_CXX_FLAGS:[A-Z]*=//p' "$build/CMakeCache.txt")
export CXXFLAGS
rm -rf "$work" && mkdir -p "$work"
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log"
"$here/check_consumer.sh" "$work/prefix" "$work"
