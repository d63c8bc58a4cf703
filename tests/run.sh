#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. A test that skips itself
# fails the run, unless the README allows its reason.
#   tests/run.sh [--quick] [release|asan-ubsan|tsan]...   default: release
# --quick leaves out the packages that are large (a browser, torch, encoders,
# compilers and emulators of other CPUs): the tests that need them are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh

packages=("${PACKAGES_BUILD[@]}" "${PACKAGES_TESTS[@]}")
skips=()
if [ "${1:-}" = --quick ]; then
  shift
  skips=(--any)
else
  packages+=("${PACKAGES_TESTS_HEAVY[@]}")
fi
install_packages "${packages[@]}"

failed=()
for preset in "${@:-release}"; do
  echo "== $preset: configure and build"
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  echo "== $preset: tests"
  report=build/$preset/tests.xml
  ctest --preset "$preset" -j "$(nproc)" --output-junit "$PWD/$report" \
    --test-output-size-passed 4000000 --test-output-size-failed 4000000 ||
    failed+=("$preset")
  tests/skips.py "$report" README.md "${skips[@]}" || failed+=("$preset")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "FAILED: $(printf '%s\n' "${failed[@]}" | sort -u | paste -sd' ')"
  exit 1
fi
echo "All tests passed: ${*:-release}"
