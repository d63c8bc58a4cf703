#!/usr/bin/env bash
# Builds the libFuzzer programs with clang, runs each for some minutes from its
# corpus, and prints a line for each.
#   tests/fuzz/run.sh MINUTES [TARGET...]
#   tests/fuzz/run.sh --build FOLDER                 only builds
#   tests/fuzz/run.sh --run FOLDER SECONDS TARGET    runs one that is built
# What they find lies in FOLDER/found (build/fuzz/found), named as libFuzzer
# does. Kernels are compared with random shapes by a test of their own.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

build() {
  cmake --preset fuzz -B "$1" >"$1.log" 2>&1 &&
    cmake --build "$1" --target fuzz -j "$(nproc)" >>"$1.log" 2>&1 ||
    { tail -n 40 "$1.log"; return 1; }
}

# run FOLDER SECONDS TARGET: fails where something is found.
run() {
  local folder=$1 seconds=$2 name=$3 fuzzer leaks=1 status=0
  fuzzer=$(realpath "$folder/tests/fuzz/${name}_fuzzer")
  # GStreamer's own start and its parser of caps leak a little.
  case $name in caps | parse | http) leaks=0 ;; esac
  local new found log
  new=$(mktemp -d)
  found=$(realpath -m "$folder/found/$name")
  log=$(realpath -m "$folder/found/$name.log")
  mkdir -p "$found"
  G_SLICE=always-malloc ASAN_OPTIONS=detect_leaks=$leaks "$fuzzer" "-max_total_time=$seconds" -timeout=60 \
    -rss_limit_mb=2048 -malloc_limit_mb=600 -close_fd_mask=3 \
    -print_final_stats=1 "-detect_leaks=$leaks" "-artifact_prefix=$found/" \
    "$new" "$root/tests/fuzz/corpus/$name" >"$log" 2>&1 || status=$?
  rm -rf "$new"
  awk -v name="$name" -v found="$(find "$found" -type f | wc -l)" '
    /cov:/ { for (i = 1; i < NF; ++i) {
               if ($i == "cov:") edges = $(i + 1)
               if ($i == "ft:") features = $(i + 1) } }
    /number_of_executed_units/ { runs = $2 }
    /average_exec_per_sec/ { rate = $2 }
    END { printf "%-12s %12d runs %8d a second %6d edges %6d features %3d finds\n",
          name, runs, rate, edges, features, found }' "$log"
  [ "$status" = 0 ] || { tail -n 60 "$log"; return 1; }
}

case ${1:-} in
  --build) mkdir -p "$(dirname "$2")" && build "$2" ;;
  --run) run "$2" "$3" "$4" ;;
  [0-9]*)
    minutes=$1
    shift
    mkdir -p build
    build build/fuzz
    [ $# -gt 0 ] || set -- $(cd tests/fuzz && ls ./*_fuzz.cc |
      sed 's|^\./||; s|_fuzz\.cc$||')
    failed=0
    for name in "$@"; do run build/fuzz $((60 * minutes)) "$name" || failed=1; done
    exit $failed
    ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
