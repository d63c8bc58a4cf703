#!/usr/bin/env bash
# outlets_test.sh PART SOURCE PLUGIN_DIR WORK: an outlet of the README's table,
# as it is written there, to a viewer. 77: something is missing.
set -euo pipefail
part=$1 source=$2 plugin=$3 work=$4

rm -rf "$work" && mkdir -p "$work" && cd "$work"
export GST_PLUGIN_PATH=$plugin GST_REGISTRY=$work/registry
export XDG_DATA_HOME=$work/none TAE_MODEL_PATH=
# A path that is short enough for a socket.
sockets=$(mktemp -d)
children=()
trap 'kill "${children[@]}" 2>/dev/null || true; rm -rf "$sockets"' EXIT

need() {
  for element in "$@"; do
    gst-inspect-1.0 --exists "$element" || {
      echo "skipped: no element $element" && exit 77
    }
  done
}
tool() { command -v "$1" >/dev/null || { echo "skipped: no $1" && exit 77; }; }

# cell WHAT: what the table says to type for it.
cell() {
  local text
  text=$(sed -n "s/^| $1[^|]*| \`\([^\`]*\)\`.*/\1/p" "$source/README.md")
  [ -n "$text" ] || { echo "the README has no '$1'" >&2 && exit 1; }
  echo "$text"
}
demo="latentsrc is-live=true steps=20 step-time=50000000 width=128 height=128"
# in_background COMMAND...: until the test ends; what it says is in the file log.
in_background() {
  : >log
  timeout 1200 "$@" >log &
  children+=($!)
}
# show WHAT PORT [BUFFERS]: the demo through the outlet, at another port than it
# says, as that one may be taken.
show() {
  local line
  line="$demo num-buffers=${3:--1} ! taedecode ! $(cell "$1")" || exit 1
  line=$(sed -E "s/port=[0-9]+/port=$2/" <<<"$line")
  echo "$line"
  in_background bash -c "exec gst-launch-1.0 -v $line"
}
# said PATTERN: waits until the log has it, and gives what \(\) matched.
said() {
  local found=
  until [ -n "$found" ]; do
    kill -0 "${children[-1]}" || { cat log >&2 && exit 1; }
    sleep 0.1
    found=$(sed -n "s/.*$1.*/\1/p" log | head -n 1)
  done
  echo "$found"
}
# picture_in SIZE: whether the file `frames` has five frames of so many bytes, of
# which the last is no plain colour.
picture_in() {
  local frames=$(($(stat -c %s frames 2>/dev/null || echo 0) / $1)) greys
  [ "$frames" -ge 5 ] || return 1
  greys=$(tail -c "+$((frames * $1 - $1 + 1))" frames | head -c "$1" |
    od -An -v -tu1 -w1 | sort -u | wc -l)
  [ "$greys" -ge 20 ] && echo "$frames frames, $greys greys in the last"
}
# viewed SIZE PIPELINE: a viewer that looks until it has seen a picture.
viewed() {
  timeout 1200 bash -c "exec gst-launch-1.0 -q $2 ! videoconvert ! \
    video/x-raw,format=GRAY8 ! filesink buffer-mode=unbuffered \
    location=frames" &
  local viewer=$!
  children+=("$viewer")
  until picture_in "$1"; do
    kill -0 "$viewer" 2>/dev/null || {
      picture_in "$1" && return  # all of a file
      echo "the viewer ended" && exit 1
    }
    sleep 0.2
  done
}

case $part in
  mjpeg)
    show "a browser or VLC elsewhere" 0
    port=$(said 'current-port = \([1-9][0-9]*\)')
    viewed 16384 "tcpclientsrc port=$port ! multipartdemux ! jpegdec"
    ;;
  rtp)
    need vp8enc rtpvp8pay
    # Below those that the system gives to whoever asks for any.
    port=$((20000 + RANDOM % 10000))
    show "RTP over UDP" $port
    viewed 16384 "udpsrc port=$port caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8 ! rtpvp8depay ! vp8dec"
    ;;
  rtsp)
    need vp8enc rtpvp8pay rtspsrc compositor
    python=$(PATH=/usr/bin:$PATH command -v python3) || exit 77
    "$python" -c 'import gi; gi.require_version("GstRtspServer", "1.0")' \
      2>/dev/null || { echo "skipped: no gir1.2-gst-rtsp-server-1.0" && exit 77; }
    command=$(cell RTSP)
    [ "$command" = examples/outlets/rtsp.py ]
    in_background "$python" "$source/$command" "unix:$sockets/tae.sock" 0
    address=$(said '\(rtsp:[^ ]*\)')
    # A program that connects and goes on.
    gst-launch-1.0 -q latentsrc num-buffers=20 steps=20 width=128 height=128 ! \
      latentmux ! filesink location=run.safetensors
    timeout 1200 "$python" - "$sockets/tae.sock" <<'PYTHON' &
import socket, sys, time
producer = socket.socket(socket.AF_UNIX)
while producer.connect_ex(sys.argv[1]) != 0:
    time.sleep(0.1)
run = open("run.safetensors", "rb").read()
while True:
    producer.sendall(run)
    time.sleep(0.2)
PYTHON
    children+=($!)
    # Black until the first latent; then a picture in all of the 768 pixels.
    viewed 589824 "rtspsrc location=$address latency=0 protocols=tcp tcp-timeout=0 ! rtpvp8depay ! vp8dec"
    ;;
  hls)
    need x264enc hlssink2 imagefreeze tsdemux avdec_h264
    show "HLS" none
    # Old segments are deleted, so the copy may come too late.
    until [ -s segment ]; do
      sleep 0.2
      kill -0 "${children[-1]}" || { cat log && exit 1; }
      segment=$(grep -m 1 '^[0-9]' live.m3u8 2>/dev/null) || continue
      cp "$segment" segment 2>/dev/null || rm -f segment
    done
    viewed 16384 "filesrc location=segment ! tsdemux ! h264parse ! avdec_h264"
    ;;
  terminal)
    need cacasink
    tool script
    script -qec true /dev/null </dev/null >/dev/null 2>&1 || {
      echo "skipped: no pseudo-terminals here" && exit 77
    }
    line="$demo num-buffers=5 ! taedecode ! $(cell "a terminal")"
    echo "$line"
    TERM=xterm timeout 600 script -qec "gst-launch-1.0 -q $line" /dev/null \
      </dev/null >screen
    # Pictures in characters: far more than an empty screen.
    [ "$(stat -c %s screen)" -gt 5000 ]
    ;;
  camera) # all but the device itself
    line="$demo num-buffers=5 ! taedecode ! $(cell "a camera for other programs")"
    [[ $line == *"v4l2sink device=/dev/video10" ]]
    need v4l2sink
    timeout 600 bash -c "gst-launch-1.0 -v ${line/v4l2sink*/fakesink}" >log
    grep -q 'fakesink.*YUY2' log
    ;;
  player)
    tool gst-play-1.0
    command=$(cell "a player for recordings")
    gst-launch-1.0 -q latentsrc num-buffers=8 steps=8 width=128 height=128 ! \
      latentmux ! filesink location=run.safetensors
    timeout 600 $command --videosink=fakesink --no-interactive >log 2>&1
    grep -q "Reached end of play list" log
    ! grep -qi error log
    ;;
esac
