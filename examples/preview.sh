#!/usr/bin/env bash
# Shows a generation taking shape: builds the plugin and decodes the latents of
# 28 steps from noise to a picture, in a window where there is a display, else
# into build/preview/preview.webm and a contact sheet beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
root=$PWD
out=$root/build/preview
steps=28

install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_PREVIEW[@]}"
cmake --preset release -Dplugin=enabled >/dev/null
cmake --build --preset release --target gsttae
export GST_PLUGIN_PATH=$root/build/release/plugin

# Published weights: those that are there, else a short try to fetch them.
shared=${TAE_SHARED:-$root/../shared}
if [ -d "$shared/weights" ]; then
  export TAE_MODEL_PATH=${TAE_MODEL_PATH:-$shared/weights}
fi
if [ -z "${TAE_MODEL_PATH:-}" ] &&
  ! TAE_FETCH_SECONDS=20 examples/fetch-weights.sh flux2; then
  echo "Going on with the linear projection that is built in."
fi

latent=$shared/golden/flux2_astronaut_512.safetensors
from=()
[ ! -f "$latent" ] || from=(--latent "$latent")
rm -rf "$out" && mkdir -p "$out"
read -r channels width height < <(
  python3 examples/make_latents.py "$out/latents" --steps "$steps" "${from[@]}")
caps="video/x-latent,variant=(string)flux2,format=(string)F16LE"
caps+=",channels=(int)$channels,latent-width=(int)$width"
caps+=",latent-height=(int)$height,layout=(string)nchw,framerate=(fraction)7/1"
decode=(multifilesrc "location=$out/latents/step_%03d.f16" index=0
  "stop-index=$((steps - 1))" "caps=$caps" ! taedecode variant=flux2)

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  exec gst-launch-1.0 "${decode[@]}" ! videoconvert ! autovideosink
fi

gst-launch-1.0 -q "${decode[@]}" ! tee name=t \
  t. ! queue ! videoconvert ! vp8enc target-bitrate=2000000 ! webmmux ! \
  filesink "location=$out/preview.webm" \
  t. ! queue ! videoconvert ! videoscale ! \
  video/x-raw,format=RGB,width=192,height=192 ! pngenc ! \
  multifilesink "location=$out/small_%03d.png"

# Every fourth step, and the last, in two rows.
sheet=(compositor name=sheet background=black)
picture=()
column=0
for step in 0 4 8 12 16 20 24 $((steps - 1)); do
  sheet+=("sink_$column::xpos=$((column % 4 * 192))"
    "sink_$column::ypos=$((column / 4 * 192))")
  picture+=(filesrc "location=$out/small_$(printf %03d "$step").png" !
    pngdec ! videoconvert ! "sheet.sink_$column")
  column=$((column + 1))
done
gst-launch-1.0 -q "${sheet[@]}" ! videoconvert ! video/x-raw,format=RGB ! \
  pngenc snapshot=true ! filesink "location=$out/steps.png" "${picture[@]}"
rm -f "$out"/small_*.png
echo "video:         $out/preview.webm"
echo "contact sheet: $out/steps.png"
