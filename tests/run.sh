#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests.
#   tests/run.sh [release|asan-ubsan|tsan]...   default: release
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh

install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_TESTS[@]}"
for preset in "${@:-release}"; do
  echo "== $preset: configure and build"
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  echo "== $preset: tests"
  ctest --preset "$preset" -j "$(nproc)"
done
