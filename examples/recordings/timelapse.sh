#!/usr/bin/env bash
# A film of a generation, made of its latents.
#   timelapse.sh INPUT OUTPUT [OPTION]...
#
# INPUT   a recording (run.safetensors), a folder or step_%03d.npy of latents;
#         or an address to listen at (unix:, tcp://127.0.0.1:5000):
#         then what comes is recorded to OUTPUT.safetensors until Ctrl-C, and
#         rendered from there. The recording stays: render it again as you like.
# OUTPUT  film.webm (VP9), film.mp4 (H.264), film.gif, film.webp, or pictures of
#         the steps: step_%03d.png
# --size WxH      of the film; default: of the first picture. Others are fitted
#                 into it, their shape kept
# --fps N         frames a second (30; GIF and WebP 20)
# --step SECONDS  of film for a step (0.1)
# --hold SECONDS  the last picture of each generation stays (2)
# --plain         no pictures between those of the steps
# --progress      step and sigma over the pictures, and a bar
# --latents N     recording: end after N latents, not at Ctrl-C
set -euo pipefail
. "$(dirname "$0")/pipeline.sh"

[ $# -ge 2 ] || usage 1
input=$1 output=$2
shift 2
size='' fps='' step=0.1 hold=2 plain='' progress='' latents=-1
while [ $# -gt 0 ]; do
  case $1 in
    --size | --fps | --step | --hold | --latents)
      [ $# -ge 2 ] || usage 1
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --plain) plain=yes && shift ;;
    --progress) progress=yes && shift ;;
    *) fail "unknown option $1" ;;
  esac
done

if is_address "$input"; then
  recording=${output%.*}.safetensors
  recording=${recording/\%0[0-9]d/}
  echo "Recording to $recording; Ctrl-C ends it."
  # The interrupt is gst-launch-1.0's, which then ends the recording properly.
  trap : INT
  gst-launch-1.0 -q -e latentsrc "location=$input" keep-all=true \
    "num-buffers=$latents" ! latentmux ! filesink "location=$recording" || true
  trap - INT
  [ -s "$recording" ] || fail "nothing came"
  input=$recording
fi
[ -n "$size" ] || size=$(size_of "$input")
[ -n "$size" ] || fail "$input holds no latents that can be decoded"

source=(latentsrc "location=$input" "step-time=$(nanoseconds "$step")")
read -ra fit <<<"$(fitted "$size")"
over=(identity silent=true)
if [ -n "$progress" ]; then
  need textoverlay gstreamer1.0-x
  over=(progressoverlay show=step+sigma)
fi
if [[ $output == *.png ]]; then
  exec gst-launch-1.0 -q "${source[@]}" ! taedecode ! "${fit[@]}" ! \
    "${over[@]}" ! videoconvert ! video/x-raw,format=RGB ! pngenc ! \
    multifilesink "location=$output"
fi

case $output in *.gif | *.webp) : "${fps:=20}" ;; *) : "${fps:=30}" ;; esac
rate=$fps/1
if [ -n "$plain" ]; then  # a latent a step; videorate repeats its picture
  rate=$(awk -v s="$step" 'BEGIN { printf "%.0f/1000", 1000 / s }')
fi
film=("${source[@]}" ! latentinterpolate "hold=$(nanoseconds "$hold")" !
  "video/x-latent,framerate=$rate" ! taedecode ! "${fit[@]}" ! videorate !
  "video/x-raw,framerate=$fps/1" ! "${over[@]}" ! videoconvert)

# GStreamer 1.22 encodes neither GIF nor moving WebP.
by_ffmpeg() {
  command -v ffmpeg >/dev/null || fail "needs ffmpeg for $output"
  gst-launch-1.0 -q "${film[@]}" ! video/x-raw,format=RGB ! \
    videoconvert ! fdsink fd=1 |
    ffmpeg -v error -y -f rawvideo -pixel_format rgb24 -video_size "$size" \
      -framerate "$fps" -i - "$@" -loop 0 "$output"
}

case $output in
  *.webm)
    need vp9enc gstreamer1.0-plugins-good
    gst-launch-1.0 -q "${film[@]}" ! video/x-raw,format=I420 ! \
      vp9enc end-usage=cq cq-level=22 target-bitrate=20000000 deadline=1 \
      cpu-used=4 "threads=$(nproc)" keyframe-max-dist=120 ! webmmux ! \
      filesink "location=$output"
    ;;
  *.mp4)
    if exists x264enc; then
      encoder=(x264enc pass=quant quantizer=18 tune=stillimage)
    else
      need openh264enc "gstreamer1.0-plugins-ugly (x264enc) or -bad"
      encoder=(openh264enc rate-control=off qp-min=18 qp-max=24)
    fi
    gst-launch-1.0 -q "${film[@]}" ! video/x-raw,format=I420 ! \
      "${encoder[@]}" ! h264parse ! mp4mux faststart=true ! \
      filesink "location=$output"
    ;;
  *.gif)
    by_ffmpeg -filter_complex \
      'split[a][b];[a]palettegen[p];[b][p]paletteuse'
    ;;
  *.webp) by_ffmpeg -c:v libwebp_anim -quality 85 ;;
  *) fail "cannot tell from '$output' what to write" ;;
esac
echo "$output"
