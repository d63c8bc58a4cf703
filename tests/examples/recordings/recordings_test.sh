#!/usr/bin/env bash
# recordings_test.sh PART SOURCE PLUGIN_DIR WORK: one format of
# examples/recordings, written and decoded again. 77: something is missing.
set -euo pipefail
part=$1 scripts=$2/examples/recordings plugin=$3 work=$4

rm -rf "$work" && mkdir -p "$work" && cd "$work"
export GST_PLUGIN_PATH=$plugin GST_REGISTRY=$work/registry
export XDG_DATA_HOME=$work/none TAE_MODEL_PATH=

need() {
  gst-inspect-1.0 --exists "$1" || { echo "skipped: no element $1" && exit 77; }
}
tool() {
  command -v "$1" >/dev/null || { echo "skipped: no $1" && exit 77; }
}
python=$(PATH=/usr/bin:$PATH command -v python3 || true)

# Two generations of 4 steps, of different sizes.
record() {
  for width in 64 96; do
    gst-launch-1.0 -q latentsrc num-buffers=4 steps=4 width=$width height=64 ! \
      latentmux ! filesink location=$width.safetensors
  done
  cat 64.safetensors 96.safetensors >run.safetensors
}

# 2 x (3 steps of 0.1 s and 0.5 s of the last picture), 20 frames a second.
options=(--fps 20 --hold 0.5)
expected=32

# frames_of FILE: as grey bytes in `frames`; says WxH.
frames_of() {
  gst-launch-1.0 -v filesrc "location=$1" ! decodebin ! videoconvert ! \
    video/x-raw,format=GRAY8 ! filesink location=frames |
    sed -nE 's/.*filesink.*[ ;]width=\(int\)([0-9]+), height=\(int\)([0-9]+).*/\1x\2/p' |
    sort -u
}
# byte OFFSET: of `frames`.
byte() { tail -c +$(($1 + 1)) frames | head -c 1 | od -An -tu1 | tr -d ' '; }

check_film() {
  local size
  size=$(frames_of "$1")
  [ "$size" = 64x64 ] || { echo "sizes: $size" && exit 1; }
  local count=$(($(stat -c %s frames) / 4096))
  [ $count = $expected ] || { echo "$count frames, not $expected" && exit 1; }
  # The second generation is wider: borders above and below it.
  local last=$(((expected - 1) * 4096))
  [ "$(byte $((last + 3 * 64 + 32)))" -lt 24 ]
  [ "$(byte $((last + 32 * 64 + 32)))" -ge 24 ]
  [ "$(byte $((3 * 64 + 32)))" -ge 24 ]
}

# Frames, size and how long they last, of a file that GStreamer cannot read.
check_by_pillow() {
  "$python" -c 'import PIL' 2>/dev/null || {
    echo "skipped: no python3-pil" && exit 77
  }
  "$python" - "$1" $expected <<'PYTHON'
import sys
from PIL import Image
film = Image.open(sys.argv[1])
lasts = 0
for i in range(film.n_frames):  # encoders join frames that are equal
    film.seek(i)
    film.load()
    lasts += film.info["duration"]
last = film.convert("L")
assert film.size == (64, 64), film.size
assert abs(lasts - int(sys.argv[2]) * 50) <= 10, lasts
assert film.n_frames > 8, film.n_frames
assert last.getpixel((32, 3)) < 24 <= last.getpixel((32, 32))
PYTHON
}

case $part in
  webm)
    need vp9enc && need vp9dec && record
    "$scripts/timelapse.sh" run.safetensors film.webm "${options[@]}"
    check_film film.webm
    ;;
  mp4)
    need x264enc && need avdec_h264 && need mp4mux && need h264parse && record
    # videorate gives the very last latent one frame, not a step of two.
    expected=31
    "$scripts/timelapse.sh" run.safetensors film.mp4 "${options[@]}" --plain
    check_film film.mp4
    ;;
  gif | webp)
    tool ffmpeg && record
    "$scripts/timelapse.sh" run.safetensors "film.$part" "${options[@]}"
    check_by_pillow "film.$part"
    ;;
  png)
    record
    "$scripts/timelapse.sh" run.safetensors step_%03d.png
    [ "$(find . -name 'step_*.png' | wc -l)" = 8 ]
    for step in 000 007; do [ "$(frames_of step_$step.png)" = 64x64 ]; done
    [ "$(byte $((3 * 64 + 32)))" -lt 24 ]
    ;;
  sheet)
    record
    "$scripts/contact-sheet.sh" run.safetensors sheet.png --tile 32 --count 6 \
      --columns 3
    [ "$(frames_of sheet.png)" = 96x64 ]
    # Each tile has a picture.
    for tile in 0 1 2 3 4 5; do
      centre=$(((tile / 3 * 32 + 16) * 96 + tile % 3 * 32 + 16))
      [ "$(byte $centre)" -ge 16 ] || { echo "tile $tile" && exit 1; }
    done
    ;;
  printed) # what the README says, as it says it
    need vp9enc && need x264enc && need mp4mux && tool ffmpeg && record
    mapfile -t lines < <(grep -E '^    examples/.* run\.safetensors ' \
      "$scripts/README.md")
    [ ${#lines[@]} -ge 6 ]
    for line in "${lines[@]}"; do
      echo "$line"
      bash -c "${line/examples\/recordings/$scripts}"
    done
    for file in film.webm film.mp4 film.gif film.webp step_007.png sheet.png; do
      [ -s $file ] || { echo "no $file" && exit 1; }
    done
    [ "$(frames_of film.mp4)" = 1280x720 ]
    ;;
  live)
    need vp9enc && need vp9dec && need textoverlay && record
    # A program that connects, as the taps do.
    sockets=$(mktemp -d)  # a path that is short enough for a socket
    timeout 1200 "$python" - "$sockets/tae.sock" <<'PYTHON' &
import socket, sys, time
producer = socket.socket(socket.AF_UNIX)
while producer.connect_ex(sys.argv[1]) != 0:
    time.sleep(0.1)
producer.sendall(open("64.safetensors", "rb").read())
time.sleep(1200)
PYTHON
    producer=$!
    trap 'kill $producer 2>/dev/null || true; rm -rf "$sockets"' EXIT
    # The newest latent and every final one are kept: the last one ends it.
    "$scripts/timelapse.sh" "unix:$sockets/tae.sock" film.webm "${options[@]}" \
      --progress --latents 1
    [ -s film.safetensors ]
    [ "$(frames_of film.webm)" = 64x64 ]
    ;;
esac
