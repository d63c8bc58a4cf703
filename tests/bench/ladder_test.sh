#!/usr/bin/env bash
# ladder_test.sh BENCH REPORT: every rung is measured and shown.
set -euo pipefail
shared=${TAE_SHARED:-}
weights=$shared/weights/taef2_decoder.safetensors
latents=$shared/golden/flux2_tiny_8x8.safetensors
for file in "$weights" "$latents"; do
  [ -f "$file" ] || { echo "skipped: needs $file, see TAE_SHARED"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" --model "$weights" --latents "$latents" --latents "$latents" \
  --sizes 64,128 --iterations 1 > "$work/results.jsonl"
# 6 rungs: 4 scales of pictures, 2 sizes of times.
[ "$(wc -l < "$work/results.jsonl")" = 36 ] || exit 1
tables=$(/usr/bin/python3 "$2" "$work/results.jsonl" "$work")
for words in '| linear |' '| stage3 |' 'of 2 latents' '| 64 | 128 |' '(1.000)'
do
  grep -qF "$words" <<<"$tables" || { echo "no $words in: $tables"; exit 1; }
done
