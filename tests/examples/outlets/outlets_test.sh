#!/usr/bin/env bash
# outlets_test.sh PART SOURCE PLUGIN_DIR WORK: an outlet of the README's table,
# as it is written there, to a viewer. 77: something is missing.
set -euo pipefail
part=$1 source=$2 plugin=$3 work=$4

rm -rf "$work" && mkdir -p "$work" && cd "$work"
export GST_PLUGIN_PATH=$plugin GST_REGISTRY=$work/registry
export XDG_DATA_HOME=$work/none TAE_MODEL_PATH=
children=()
trap 'kill "${children[@]}" 2>/dev/null || true' EXIT

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
# show WHAT [BUFFERS]: the demo through the outlet.
show() {
  local line
  line="$demo num-buffers=${2:--1} ! taedecode ! $(cell "$1")" || exit 1
  echo "$line"
  bash -c "exec timeout 60 gst-launch-1.0 -q $line" &
  children+=($!)
}
# viewed CAPS PIPELINE: some frames of a picture that is no plain colour.
viewed() {
  for _ in $(seq 20); do
    rm -f frames
    timeout 20 bash -c "gst-launch-1.0 -q $2 ! videoconvert ! \
      video/x-raw,format=GRAY8 ! identity eos-after=11 ! \
      filesink location=frames" || true
    [ ! -s frames ] || break
    sleep 0.3
  done
  local frames=$(($(stat -c %s frames) / $1))
  local greys
  greys=$(tail -c "$1" frames | od -An -v -tu1 -w1 | sort -u | wc -l)
  echo "$frames frames, $greys greys in the last"
  [ "$frames" -ge 5 ] && [ "$greys" -ge 20 ]
}

case $part in
  mjpeg)
    show "a browser or VLC elsewhere"
    viewed 16384 "tcpclientsrc port=8080 ! multipartdemux ! jpegdec"
    ;;
  rtp)
    need vp8enc rtpvp8pay
    show "RTP over UDP"
    viewed 16384 "udpsrc port=5004 caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8 ! rtpvp8depay ! vp8dec"
    ;;
  rtsp)
    need vp8enc rtpvp8pay rtspsrc compositor
    python=$(PATH=/usr/bin:$PATH command -v python3) || exit 77
    "$python" -c 'import gi; gi.require_version("GstRtspServer", "1.0")' \
      2>/dev/null || { echo "skipped: no gir1.2-gst-rtsp-server-1.0" && exit 77; }
    command=$(cell RTSP)
    [ "$command" = examples/outlets/rtsp.py ]
    "$python" "$source/$command" "unix:$work/tae.sock" 8594 &
    children+=($!)
    # A program that connects and goes on for a while.
    gst-launch-1.0 -q latentsrc num-buffers=20 steps=20 width=128 height=128 ! \
      latentmux ! filesink location=run.safetensors
    "$python" - <<'PYTHON' &
import socket, time
for attempt in range(600):
    try:
        producer = socket.socket(socket.AF_UNIX)
        producer.connect("tae.sock")
        break
    except OSError:
        time.sleep(0.1)
run = open("run.safetensors", "rb").read()
for again in range(100):
    producer.sendall(run)
    time.sleep(0.2)
PYTHON
    children+=($!)
    # Black until the first latent; then a picture in all of the 768 pixels.
    viewed 589824 "rtspsrc location=rtsp://127.0.0.1:8594/tae latency=0 protocols=tcp ! rtpvp8depay ! vp8dec"
    ;;
  hls)
    need x264enc hlssink2 imagefreeze tsdemux avdec_h264
    show "HLS"
    # Old segments are deleted, so the copy may come too late.
    for _ in $(seq 300); do
      sleep 0.2
      segment=$(grep -m 1 '^[0-9]' live.m3u8 2>/dev/null) || continue
      cp "$segment" segment 2>/dev/null && break
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
    TERM=xterm timeout 60 script -qec "gst-launch-1.0 -q $line" /dev/null \
      </dev/null >screen
    # Pictures in characters: far more than an empty screen.
    [ "$(stat -c %s screen)" -gt 5000 ]
    ;;
  camera) # all but the device itself
    line="$demo num-buffers=5 ! taedecode ! $(cell "a camera for other programs")"
    [[ $line == *"v4l2sink device=/dev/video10" ]]
    need v4l2sink
    timeout 60 bash -c "gst-launch-1.0 -v ${line/v4l2sink*/fakesink}" >log
    grep -q 'fakesink.*YUY2' log
    ;;
  player)
    tool gst-play-1.0
    command=$(cell "a player for recordings")
    gst-launch-1.0 -q latentsrc num-buffers=8 steps=8 width=128 height=128 ! \
      latentmux ! filesink location=run.safetensors
    timeout 60 $command --videosink=fakesink --no-interactive >log 2>&1
    grep -q "Reached end of play list" log
    ! grep -qi error log
    ;;
esac
