#!/usr/bin/env bash
# tidy.sh [BUILD [FILE...]]: clang-tidy over the project, or over these files or
# folders, as .clang-tidy says: some 3 s a file and core. BUILD (build/release)
# must be built, as some headers are made there. Newer versions than Debian
# bookworm's find more; 77: there is none.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
build=$(cd "$build" && pwd)
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || {
  echo "skipped: no clang-tidy"
  exit 77
}
[ -f "$build/compile_commands.json" ] || {
  echo "$0: build first: cmake --preset release && cmake --build --preset release" >&2
  exit 2
}
list=$(mktemp)
trap 'rm -f "$list"' EXIT
# Only what the build compiles; the compiler is GCC, whose flags clang reads.
if ! git ls-files >/dev/null 2>&1; then
  echo "skipped: no checkout"
  exit 77
fi
git ls-files -z -- "${@:2}" | grep -zE '\.cc$' | while read -r -d '' file; do
  grep -qF "\"file\": \"$PWD/$file\"" "$build/compile_commands.json" &&
    printf '%s\0' "$file" || true
done >"$list"
[ -s "$list" ] || { echo "no file to check" >&2 && exit 2; }
xargs -0 -a "$list" -P "${JOBS:-$(nproc)}" -n 1 \
  "$tidy" -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option
echo "clang-tidy found nothing in $(tr -cd '\0' <"$list" | wc -c) files"
