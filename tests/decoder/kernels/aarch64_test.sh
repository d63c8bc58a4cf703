#!/bin/sh
# The kernel tables of AArch64 against plain loops, cross-compiled and run under
# qemu. Usage: aarch64_test.sh SOURCE_DIR BUILD_DIR. Exit 77: a tool is missing.
set -eu
source=$1
build=$2
gtest=/usr/src/googletest/googletest
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -f "$gtest/src/gtest-all.cc" ] || { echo "skipped: no $gtest"; exit 77; }

compile="aarch64-linux-gnu-g++ -std=c++20 -O2 -I$source/decoder
  -I$source/decoder/include -I$source/tests -I$gtest/include -I$gtest"
mkdir -p "$build"
for unit in gtest-all gtest_main; do
  [ -f "$build/$unit.o" ] ||
    $compile -c "$gtest/src/$unit.cc" -o "$build/$unit.o"
done
kernels=$source/decoder/kernels
$compile -Wall -Wextra "$kernels/cpu.cc" "$kernels/pack.cc" \
  "$kernels/pack_bfloat.cc" "$kernels/pack_pool.cc" "$kernels/row_order.cc" \
  "$kernels/tables.cc" "$kernels/table_neon.cc" \
  "$kernels/reference/store.cc" "$kernels/reference/unpack.cc" \
  "$source/decoder/base/half.cc" \
  "$source/tests/decoder/kernels/kernel_table_test.cc" \
  "$source/tests/decoder/kernels/formats_test.cc" \
  "$build/gtest-all.o" "$build/gtest_main.o" -static -pthread \
  -o "$build/kernel_table_test"
qemu-aarch64 "$build/kernel_table_test"
