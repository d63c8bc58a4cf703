#!/usr/bin/env bash
# tidy.sh [BUILD [FILE...]]: clang-tidy over the project, or over these files,
# as .clang-tidy says; minutes on many cores. BUILD (build/release) must be
# built, as some headers are made there.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
[ -f "$build/compile_commands.json" ] || {
  echo "$0: build first: cmake --preset release && cmake --build --preset release" >&2
  exit 2
}
if [ $# -gt 1 ]; then
  files=("${@:2}")
else
  mapfile -t files < <(git ls-files '*.cc' |
    grep -vE '^(bench/compare|tests/install)/')
fi
# Only what the build compiles; the compiler is GCC, whose flags clang reads.
printf '%s\n' "${files[@]}" | while read -r file; do
  grep -qF "\"file\": \"$PWD/$file\"" "$build/compile_commands.json" &&
    echo "$file" || true
done | xargs -P "$(nproc)" -n 1 clang-tidy -p "$build" --quiet \
  --extra-arg=-Wno-unknown-warning-option
echo "clang-tidy found nothing"
