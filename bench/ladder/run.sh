#!/usr/bin/env bash
# What every rung of FLUX.2's ladder costs and gives, in one run.
#   bench/ladder/run.sh [--latents FILE]... [--sizes 512,1024] [--threads 2]
#                       [--iterations 5]
# Results: build/ladder/results.{jsonl,md,png}. Without --latents the golden
# ones of TAE_SHARED are taken; held-out ones are made by
# decoder/models/data.py. TAE_WEIGHTS names the full decoder (else TAE_SHARED's,
# else it is fetched).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
. tests/packages.sh
export TAE_SHARED=${TAE_SHARED:-$top/../shared}
folder=$top/build/ladder
python=/usr/bin/python3

words=("$@")
case " $* " in *' --sizes '*) ;; *)
  words+=(--sizes 512,768,1024,1536,2048) ;;
esac
case " $* " in *' --latents '*) ;; *)
  for file in "$TAE_SHARED"/golden/flux2_*.safetensors; do
    case $file in *tiny* | *strip*) continue ;; esac
    [ ! -f "$file" ] || words+=(--latents "$file")
  done ;;
esac

install_packages "${PACKAGES_BUILD[@]}" libbenchmark-dev
install_packages python3-matplotlib || echo "skipped: no plot"
cmake --preset release >/dev/null
cmake --build build/release --target bench_ladder
weights=${TAE_WEIGHTS:-$TAE_SHARED/weights/taef2_decoder.safetensors}
[ -f "$weights" ] || weights=$(examples/fetch-weights.sh flux2 | tail -n 1)

mkdir -p "$folder"
# Ahead of what else runs here, where this user may say so.
priority=()
nice -n -5 true 2>/dev/null && priority=(nice -n -5)
"${priority[@]}" build/release/bench/bench_ladder --model "$weights" \
  "${words[@]}" > "$folder/results.jsonl"
"$python" bench/ladder/report.py "$folder/results.jsonl" "$folder" |
  tee "$folder/results.md"
echo "plot: $folder/results.png"
