#!/usr/bin/env bash
# readme_test.sh SOURCE PLUGIN_DIR WORK: runs each gst-launch-1.0 line of the
# README as it stands, but for windows and servers, which become a fakesink.
set -euo pipefail
source=$1 plugin=$2 work=$3

rm -rf "$work" && mkdir -p "$work" && cd "$work"
python3 "$source/examples/make_latents.py" . --steps 3 >shape
[ "$(cat shape)" = "32 64 64" ]
export GST_PLUGIN_PATH=$plugin GST_REGISTRY=$work/registry
export XDG_DATA_HOME=$work/none
eval "$(grep -E '^    CAPS=' "$source/README.md")"
export CAPS

mapfile -t lines < <(grep -E '^    gst-launch-1\.0 ' "$source/README.md")
[ ${#lines[@]} -ge 4 ]
for line in "${lines[@]}"; do
  line=$(sed -E 's/autovideosink|tcpserversink port=[0-9]+/fakesink/' \
    <<<"$line")
  echo "$line"
  timeout 60 bash -c "$line"
done
file_is() { [ "$(head -c "${#2}" "$1" | tail -c +2)" = "${2:1}" ]; }
for step in 000 001 002; do file_is "step_$step.png" '?PNG'; done
[ "$(head -c 4 steps.webm | od -An -tx1 | tr -d ' ')" = 1a45dfa3 ]
