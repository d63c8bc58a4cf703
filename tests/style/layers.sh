#!/usr/bin/env bash
# layers.sh SOURCE: the arrows between the rooms, checked on the includes.
set -euo pipefail
cd "$1"
bad=0

# forbid WHY PATTERN FILES...: no line of the files may match.
forbid() {
  local why=$1 pattern=$2 hits
  shift 2
  hits=$(grep -rnE --include='*.h' --include='*.cc' "$pattern" "$@" || true)
  if [ -n "$hits" ]; then
    printf '%s:\n%s\n' "$why" "$hits"
    bad=1
  fi
}

forbid "GLib below elements/" '^#include *<(glib|gst|gio)' decoder
forbid "the decoder includes an element" '^#include "(common|taedecode)/' decoder
simd='^#include *<([a-z]+intrin|arm_neon|hwy/.*)\.h>'
for room in decoder/*; do
  case $room in
    decoder/kernels | decoder/include) ;;
    *) forbid "SIMD header outside decoder/kernels/" "$simd" "$room" ;;
  esac
done
forbid "SIMD header outside decoder/kernels/" "$simd" elements plugin
forbid "elements/ see the public headers only" \
  '^#include "(base|io|model|plan|kernels|exec|parallel|tool)/' elements plugin

# Lower rooms do not include higher ones.
rooms=(base io model plan kernels exec)
for i in "${!rooms[@]}"; do
  higher=$(IFS='|' && echo "${rooms[*]:i+1}|tool")
  higher=${higher#|}
  forbid "${rooms[i]}/ includes a room above it" \
    "^#include \"($higher)/" "decoder/${rooms[i]}"
done
exit "$bad"
