#!/usr/bin/env bash
# Compares this library with its peers: installs what is missing, builds, runs
# all of them in turns on the same latent, writes tables and a plot.
#   bench/compare/run.sh [--sizes 512,1024] [--threads 2] [--rounds 5]
#                        [--only KEY,KEY]
# Results: build/compare/results.{md,json,png}. TAE_SHARED names a folder with
# golden latents; TAE_WEIGHTS the decoder of FLUX.2 (else TAE_SHARED's, else it
# is fetched). Parts that cannot be had are named and skipped.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
. tests/packages.sh
export TAE_SHARED=${TAE_SHARED:-$top/../shared}
folder=$top/build/compare
build=$top/build/release
python=/usr/bin/python3

sizes=512,768,1024,1536,2048
words=("$@")
for i in "${!words[@]}"; do
  [ "${words[i]}" != --sizes ] || sizes=${words[i + 1]}
done

install_packages "${PACKAGES_BUILD[@]}" libbenchmark-dev python3-numpy
for package in "${PACKAGES_COMPARE[@]}"; do
  case $package in nodejs | npm) command -v npm >/dev/null && continue ;; esac
  install_packages "$package" || echo "skipped: could not install $package"
done

mkdir -p "$folder"
if [ ! -d "$folder/node_modules/onnxruntime-node" ]; then
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund \
    onnxruntime-node || echo "skipped: no onnxruntime-node from npm"
fi

cmake --preset release >/dev/null
cmake --build "$build" --target tae_engine
cmake --build "$build" --target onednn_engine ||
  echo "skipped: oneDNN's engine was not built"

weights=${TAE_WEIGHTS:-$TAE_SHARED/weights/taef2_decoder.safetensors}
[ -f "$weights" ] || weights=$(examples/fetch-weights.sh flux2 | tail -n 1)

"$python" bench/compare/prepare.py "$TAE_SHARED" "$weights" "$folder" \
  ${sizes//,/ } 2>"$folder/prepare.log" ||
  { tail -n 3 "$folder/prepare.log"; exit 1; }
# Ahead of what else runs here, where this user may say so.
priority=()
nice -n -5 true 2>/dev/null && priority=(nice -n -5)
"${priority[@]}" "$python" bench/compare/compare.py --weights "$weights" \
  --folder "$folder" --build "$build" "$@"
"$python" bench/compare/plot.py "$folder/results.json" "$folder/results.png" ||
  echo "skipped: no plot"
echo "tables: $folder/results.md; plot: $folder/results.png"
