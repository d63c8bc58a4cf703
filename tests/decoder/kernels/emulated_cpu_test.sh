#!/usr/bin/env bash
# emulated_cpu_test.sh CPU KERNELS TAE KERNEL_TEST FORMATS_TEST LATENT: this
# build on an older x86-64 CPU, which QEMU stands in for: `tae` starts there,
# chooses KERNELS (a part of their name) and decodes LATENT as the reference
# does here; where that CPU has a table of kernels it passes its tests.
set -euo pipefail
cpu=$1 kernels=$2 tae=$3 kernel_test=$4 formats_test=$5 latent=$6
command -v qemu-x86_64 >/dev/null || { echo "skipped: no qemu-x86_64" && exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TAE_CPU TAE_MODEL_PATH COMFYUI_PATH
export XDG_DATA_HOME=$work/none XDG_DATA_DIRS=$work/none TAE_TESTS_EMULATED=1

# It warns of what it leaves out of a CPU's features, of which we use none.
emulated() { qemu-x86_64 -cpu "$cpu" "$@" 2> >(grep -v "TCG doesn't" >&2); }

plan=$(emulated "$tae" plan --variant flux2 --size 64x64)
grep -q "$kernels" <<<"$plan" || { echo "not $kernels: $plan" && exit 1; }

emulated "$tae" decode "$latent" -o "$work/emulated.ppm" --method builtin
"$tae" decode "$latent" -o "$work/right.ppm" --method builtin \
  --backend reference
python3 - "$work/emulated.ppm" "$work/right.ppm" <<'PYTHON'
import sys
got, right = (open(name, "rb").read() for name in sys.argv[1:])
assert len(got) == len(right) > 500000, (len(got), len(right))
worst = max(abs(a - b) for a, b in zip(got, right))
print("worst difference from the reference: %d of 255" % worst)
# fp16-grade kernels: 6e-3, and half a step of eight bits.
sys.exit(worst > 2)
PYTHON

for test in "$kernel_test" "$formats_test"; do
  status=0
  emulated "$test" --gtest_brief=1 --gtest_filter='*__avx512' >"$work/log" ||
    status=$?
  [ "$status" = 77 ] || { echo "$test takes $cpu for AVX-512: $status" && exit 1; }
  case $kernels in
    *avx2) emulated "$test" --gtest_filter='*__avx2' ;;
  esac
done
