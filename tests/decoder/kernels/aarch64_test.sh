#!/usr/bin/env bash
# The kernel tables of AArch64 against plain loops, cross-compiled and run under
# qemu. Usage: aarch64_test.sh SOURCE_DIR BUILD_DIR. Exit 77: a tool is missing.
set -euo pipefail
source=$1 build=$2
gtest=/usr/src/googletest/googletest
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -f "$gtest/src/gtest-all.cc" ] || { echo "skipped: no $gtest"; exit 77; }

kernels=$source/decoder/kernels
mkdir -p "$build"
cd "$build"
# -O1: the plain loops that are compared with take most of the time.
compile() {
  aarch64-linux-gnu-g++ -std=c++20 -O1 -Wall -Wextra -I"$source/decoder" \
    -I"$source/decoder/include" -I"$source/tests" -I"$gtest/include" \
    -I"$gtest" -c "$1" -o "$(basename "$1" .cc).o"
}
export -f compile
export source gtest
rm -f ./*.o
printf '%s\0' "$kernels"/{cpu,pack,pack_bfloat,pack_pool,row_order,tables}.cc \
  "$kernels/table_neon.cc" "$source/decoder/base/half.cc" \
  "$source"/tests/decoder/kernels/{kernel_table,formats}_test.cc \
  "$source/tests/support/test_main.cc" "$gtest/src/gtest-all.cc" |
  xargs -0 -n 1 -P "$(nproc)" bash -euc 'compile "$0"'
# Of the same name, store.cc and unpack.cc are the scalar twins.
for twin in store unpack; do compile "$kernels/reference/$twin.cc"; done
aarch64-linux-gnu-g++ ./*.o -static -pthread -o kernel_table_test
TAE_TESTS_EMULATED=1 qemu-aarch64 ./kernel_table_test
