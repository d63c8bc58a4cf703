#!/usr/bin/env bash
# What taedecode's change-threshold saves and costs: a table over runs of Euler's
# method that end at golden latents, and over the demo's generations.
#   bench/change_threshold.sh [BUILD] [OPTION OF tae reuse...]
# BUILD: the build folder (build/release). TAE_SHARED: golden latents and the
# published FLUX.2 decoder (../shared). Needs python3-numpy.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-$top/build/release}")
shift || true
shared=$(realpath "${TAE_SHARED:-$top/../shared}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GST_PLUGIN_PATH=$build/plugin GST_REGISTRY=$work/registry
export TAE_MODEL_PATH=$shared/weights/taef2_decoder.safetensors

for steps in 12 28 50; do
  /usr/bin/python3 "$top/bench/trajectories.py" "$work/euler_$steps" "$steps" \
    "$shared"/golden/flux2_{astronaut_512,chelsea_264x200,coffee_600x400}.safetensors
done
for picture in landscape still-life; do
  gst-launch-1.0 -q latentsrc num-buffers=28 pattern=$picture width=512 \
    height=512 ! latentmux ! filesink location="$work/demo_$picture"
done
"$build/decoder/tool/tae" reuse "$work"/{euler_*,demo_*} "$@"
