#!/usr/bin/env bash
# A picture of the steps of a generation, side by side.
#   contact-sheet.sh INPUT OUTPUT.png [OPTION]...
#
# INPUT           as timelapse.sh takes it, but not an address
# --columns N     pictures in a row (4)
# --count N       pictures in all, evenly chosen, the last one always (8)
# --tile N        pixels a side (256)
# --progress      step and sigma over the pictures, and a bar
set -euo pipefail
. "$(dirname "$0")/pipeline.sh"

[ $# -ge 2 ] || usage 1
input=$1 output=$2
shift 2
columns=4 count=8 tile=256 progress=''
while [ $# -gt 0 ]; do
  case $1 in
    --columns | --count | --tile)
      [ $# -ge 2 ] || usage 1
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --progress) progress=yes && shift ;;
    *) fail "unknown option $1" ;;
  esac
done
! is_address "$input" || fail "record first: timelapse.sh does"
over=(identity silent=true)
if [ -n "$progress" ]; then
  need textoverlay gstreamer1.0-x
  over=(progressoverlay show=step+sigma)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
read -ra fit <<<"$(fitted "${tile}x$tile")"
gst-launch-1.0 -q latentsrc "location=$input" ! taedecode ! "${fit[@]}" ! \
  "${over[@]}" ! videoconvert ! video/x-raw,format=RGB ! pngenc ! \
  multifilesink "location=$work/%06d.png"
steps=("$work"/*.png)
[ ${#steps[@]} -lt "$count" ] && count=${#steps[@]}

sheet=(compositor name=sheet background=black)
pictures=()
for ((i = 0; i < count; ++i)); do
  step=$((count > 1 ? i * (${#steps[@]} - 1) / (count - 1) : ${#steps[@]} - 1))
  sheet+=("sink_$i::xpos=$((i % columns * tile))"
    "sink_$i::ypos=$((i / columns * tile))")
  pictures+=(filesrc "location=${steps[step]}" ! pngdec ! videoconvert !
    "sheet.sink_$i")
done
gst-launch-1.0 -q "${sheet[@]}" ! videoconvert ! video/x-raw,format=RGB ! \
  pngenc snapshot=true ! filesink "location=$output" "${pictures[@]}"
echo "$output"
