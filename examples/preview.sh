#!/usr/bin/env bash
# Shows a generation taking shape: builds the plugin and decodes the latents of
# 28 steps from noise to a picture, in a window where there is a display, else
# into build/preview/preview.webm and a contact sheet beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
out=$PWD/build/preview

install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_PREVIEW[@]}"
cmake --preset release -Dplugin=enabled >/dev/null
cmake --build --preset release --target gsttae
export GST_PLUGIN_PATH=$PWD/build/release/plugin

# Published weights: those that are there, else a short try to fetch them.
shared=${TAE_SHARED:-$PWD/../shared}
if [ -z "${TAE_MODEL_PATH:-}" ] && [ -d "$shared/weights" ]; then
  export TAE_MODEL_PATH=$shared/weights
fi
if [ -z "${TAE_MODEL_PATH:-}" ] &&
  ! TAE_FETCH_SECONDS=20 examples/fetch-weights.sh flux2; then
  echo "Going on with the decoder that is built in."
fi

# 28 steps, and the picture for a while.
latents=(latentsrc num-buffers=35 ! taedecode variant=flux2)
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  echo "Showing 28 steps in a window."
  exec gst-launch-1.0 -q "${latents[@]}" ! autovideosink
fi

rm -rf "$out" && mkdir -p "$out"
gst-launch-1.0 -q "${latents[@]}" ! tee name=t \
  t. ! queue ! videoconvert ! vp8enc target-bitrate=2000000 ! webmmux ! \
  filesink "location=$out/preview.webm" \
  t. ! queue ! videoscale ! video/x-raw,width=192,height=192 ! videoconvert ! \
  pngenc ! multifilesink "location=$out/small_%03d.png"

# Every fourth step, and the last, in two rows.
sheet=(compositor name=sheet background=black)
picture=()
column=0
for step in 0 4 8 12 16 20 24 27; do
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
