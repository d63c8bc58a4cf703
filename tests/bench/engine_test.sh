#!/usr/bin/env bash
# engine_test.sh ENGINE: what bench/compare asks of an engine, and its answers.
set -euo pipefail
weights=${TAE_SHARED:-}/weights/taef2_decoder.safetensors
[ -f "$weights" ] || { echo "skipped: needs weights/ in TAE_SHARED"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -c $((32 * 8 * 8 * 4)) /dev/zero > "$work/latent"
answers=$(printf 'run\nmemory\nsave %s\n' "$work/picture" |
  "$1" "$weights" "$work/latent" 64 2 f32)
for words in '"ready": true' '"seconds": 0.' '"kib": ' '"saved": true'; do
  grep -qF "$words" <<<"$answers" || { echo "no $words in: $answers"; exit 1; }
done
[ "$(stat -c %s "$work/picture")" = $((3 * 64 * 64 * 4)) ] || exit 1
