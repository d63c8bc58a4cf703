# Sourced by the scripts beside it: the plugin, what INPUT is, what is missing.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A fresh build serves where nothing else was said.
if [ -z "${GST_PLUGIN_PATH:-}" ] && [ -d "$root/build/release/plugin" ]; then
  export GST_PLUGIN_PATH=$root/build/release/plugin
fi

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# usage: the comment at the head of a script.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit "${1:-0}"
}

exists() { gst-inspect-1.0 --exists "$1"; }

# need ELEMENT PACKAGE...
need() { exists "$1" || fail "needs the GStreamer element $1; install ${*:2}"; }

is_address() {
  case $1 in unix:* | tcp:* | -) return 0 ;; *) return 1 ;; esac
}

# nanoseconds SECONDS
nanoseconds() { awk -v s="$1" 'BEGIN { printf "%.0f", s * 1e9 }'; }

# size_of RECORDING: WxH of its first picture, both even as encoders want them.
size_of() {
  gst-launch-1.0 -v latentsrc "location=$1" num-buffers=1 ! \
    taedecode method=linear ! fakesink |
    sed -n 's/.*video\/x-raw.* width=(int)\([0-9]*\), height=(int)\([0-9]*\).*/\1 \2/p' |
    awk 'NR == 1 { print $1 - $1 % 2 "x" $2 - $2 % 2 }'
}

# fitted WxH: pipeline that fits any picture into this size, its shape kept.
fitted() {
  echo videoconvert ! videoscale method=lanczos ! \
    "video/x-raw,width=${1%x*},height=${1#*x},pixel-aspect-ratio=1/1"
}
