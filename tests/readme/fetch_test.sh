#!/usr/bin/env bash
# fetch_test.sh SOURCE WORK: examples/fetch-weights.sh against local files.
set -euo pipefail
source=$1 work=$2
fetch=$source/examples/fetch-weights.sh
rm -rf "$work" && mkdir -p "$work"
export XDG_DATA_HOME=$work/data

echo "not weights" >"$work/wrong.pth"
export TAE_WEIGHTS_URL=file://$work/wrong.pth
if "$fetch" flux2 2>"$work/errors"; then
  echo "a wrong file was taken" && exit 1
fi
grep -q "expected 0a44a31e" "$work/errors"
[ -z "$(ls -A "$XDG_DATA_HOME/tae")" ]

export TAE_WEIGHTS_URL=file://$work/absent.pth
if "$fetch" flux2 2>"$work/errors"; then
  echo "an absent file was taken" && exit 1
fi
grep -q "could not download" "$work/errors"
if "$fetch" no-such-space 2>/dev/null; then exit 1; fi

real=${TAE_SHARED:-$source/../shared}/weights/taef2_decoder.pth
if [ -f "$real" ]; then
  TAE_WEIGHTS_URL=file://$real "$fetch" flux2
  cmp "$real" "$XDG_DATA_HOME/tae/taef2_decoder.pth"
fi
