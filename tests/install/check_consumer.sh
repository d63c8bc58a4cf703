#!/usr/bin/env bash
# check_consumer.sh PREFIX WORK: builds the consumer project against the libtae
# installed under PREFIX, both as a CMake package and through pkg-config, and
# runs what came out.
set -euo pipefail
prefix=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name tae.pc)")
export PKG_CONFIG_PATH
cmake -S "$here/consumer" -B "$work/consumer" -G Ninja \
  -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Debug
cmake --build "$work/consumer"
libraries=$(dirname "$PKG_CONFIG_PATH")
for program in by_package by_pkg_config; do
  echo "$program:"
  LD_LIBRARY_PATH=$libraries "$work/consumer/$program"
done
