#!/usr/bin/env bash
# cold_start_test.sh SCRIPT PLUGIN_FOLDER: every pipeline runs and is told.
set -euo pipefail
command -v gst-launch-1.0 >/dev/null || { echo "skipped: no gst-launch-1.0"; exit 77; }
answers=$(env -u TAE_WEIGHTS "$1" "$2" 1)
for words in 'empty pipeline' 'latentsrc alone' 'built-in decoder' 'linear'; do
  grep -qE "^$words +[0-9]+ \( *-?[0-9]+\)" <<<"$answers" ||
    { echo "no $words in: $answers"; exit 1; }
done
