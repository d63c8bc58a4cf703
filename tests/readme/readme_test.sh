#!/usr/bin/env bash
# readme_test.sh SOURCE PLUGIN_DIR WORK: runs each gst-launch-1.0 line of the
# README as it stands, but for windows and servers, which become a fakesink, and
# for lines that wait for a program to connect, which get one.
set -euo pipefail
source=$1 plugin=$2 work=$3

rm -rf "$work" && mkdir -p "$work" && cd "$work"
export GST_PLUGIN_PATH=$plugin GST_REGISTRY=$work/registry
export XDG_DATA_HOME=$work/none TAE_MODEL_PATH=

# The producer of a line that listens: a generation of the demo, then silence.
listen() {
  local line=${1//\/tmp\/tae.sock/$work/tae.sock}
  local from=${line#*latentsrc location=unix:}
  from=${from#*.sock}
  timeout 600 bash -c \
    "gst-launch-1.0 latentsrc num-buffers=4 ! latentmux ! fdsink fd=1 -q |
     gst-launch-1.0 latentsrc location=- $from"
}

mapfile -t lines < <(grep -E '^    gst-launch-1\.0 ' "$source/README.md")
[ ${#lines[@]} -ge 8 ]
for line in "${lines[@]}"; do
  line=$(sed -E 's/autovideosink|tcpserversink port=[0-9]+/fakesink/g' \
    <<<"$line")
  echo "$line"
  case $line in
    *location=unix:*) listen "$line" ;;
    *) timeout 600 bash -c "$line" ;;
  esac
done
file_is() { [ "$(head -c "${#2}" "$1" | tail -c +2)" = "${2:1}" ]; }
for step in 000 013 027; do file_is "step_$step.png" '?PNG'; done
[ "$(head -c 4 steps.webm | od -An -tx1 | tr -d ' ')" = 1a45dfa3 ]
[ "$(head -c 9 run.safetensors | tail -c 1)" = '{' ]
