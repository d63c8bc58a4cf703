#!/usr/bin/env bash
# tool_test.sh TAE [golden]: runs the commands as people do; with `golden` on the
# golden cases of TAE_SHARED too, which must hold their bounds.
set -euo pipefail
tae=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TAE_MODEL_PATH COMFYUI_PATH
export XDG_DATA_HOME=$work/home XDG_DATA_DIRS=$work/system HF_HUB_CACHE=$work/hub

fail() { echo "FAILED: $*" >&2; exit 1; }
# expect STATUS WORDS COMMAND...: exit status and words in what it prints.
expect() {
  local status=$1 words=$2 got=0 output
  shift 2
  output=$("$@" 2>&1) || got=$?
  [ "$got" = "$status" ] || fail "$*: status $got, not $status: $output"
  grep -qF -- "$words" <<<"$output" || fail "$*: no '$words' in: $output"
}

expect 2 "tae inspect" "$tae"
expect 0 "tae validate" "$tae" --help
expect 2 "no command 'nonsense'" "$tae" nonsense
expect 0 "taef2_decoder.pth (not here)" "$tae" variants
expect 0 "builtin     3." "$tae" ladder --variant flux2
expect 2 "nothing decodes variant 'none'" "$tae" ladder --variant none
expect 2 "name the --variant" "$tae" ladder
expect 0 "store_rgb" "$tae" plan --variant flux2 --size 64x64
expect 0 "linear_rgb" "$tae" plan --variant wan21 --method linear --size 64x32
expect 2 "multiples of 8" "$tae" plan --variant flux2 --size 60x64
expect 2 "multiples of 8" "$tae" bench --variant flux2 --size 60
expect 2 "--iters must be 1 or more" "$tae" bench --variant flux2 --iters 0
expect 2 "no variant 'none'" "$tae" plan --variant none --size 64x64
expect 2 "no such file" "$tae" inspect "$work/none"
printf 'not a file of tensors' > "$work/text"
expect 0 "is no file of tensors" "$tae" inspect "$work/text"

expect 0 "1 latents, worst" "$tae" quantize \
  "$(dirname "$0")/../../fuzz/corpus/latent/v1.npy" --variant sd
# Latents of four channels, with no weights on this machine: the projection.
corpus=$(dirname "$0")/../../fuzz/corpus/latent
expect 0 "16x16, variant sd, linear" "$tae" decode "$corpus/v1.npy" \
  -o "$work/npy.png"
expect 0 "16x8, variant sdxl, linear" "$tae" decode "$corpus/comfy.latent" \
  -o "$work/comfy.png" --variant sdxl
[ "$(head -c 4 "$work/npy.png" | tail -c 3)" = PNG ] || fail "no PNG"
# Three times the same latent: the first one's picture does for all.
cat "$corpus"/v1.npy "$corpus"/v1.npy "$corpus"/v1.npy > "$work/run.npy"
expect 0 "run.npy 0.05 3 66.7 3.00 inf inf" \
  bash -c "'$tae' reuse '$work/run.npy' --thresholds 0.05 --variant sd |
           tr -s ' '"
expect 0 "run.npy 0 3 0.0 1.00 inf inf" \
  bash -c "'$tae' reuse '$work/run.npy' --thresholds 0 --variant sd | tr -s ' '"
expect 0 "change 0.0000" bash -c \
  "'$tae' reuse '$work/run.npy' --steps --variant sd | tr -s ' '"
expect 2 "--thresholds takes numbers" "$tae" reuse "$work/run.npy" \
  --thresholds 0.05,much
expect 2 "name at least one" "$tae" reuse
expect 2 "fetch-weights.sh sd" "$tae" decode "$corpus/v1.npy" \
  -o "$work/tae.png" --method tae
expect 2 "cannot be written" "$tae" decode "$corpus/v1.npy" \
  -o "$work/none/npy.png"
expect 2 "--index takes all, or 0 to 0" "$tae" decode "$corpus/v1.npy" \
  -o "$work/index.png" --index 1

# Batches, domains, names, formats: what people type.
make() { python3 "$(dirname "$0")/make_latent.py" "$@"; }
make "$work/batch.safetensors" 3,4,8,8 space=sd
expect 0 "3 latents in 1 message" "$tae" inspect "$work/batch.safetensors"
expect 0 "a batch of 3" "$tae" decode "$work/batch.safetensors" \
  -o "$work/one.png"
expect 0 "batch-2.png: 64x64" "$tae" decode "$work/batch.safetensors" \
  -o "$work/batch.png" --index all
[ -f "$work/batch-0.png" ] && [ -f "$work/batch-1.png" ] || fail "no batch-1.png"
cmp -s "$work/batch-0.png" "$work/batch-2.png" && fail "all of the batch alike"
cmp -s "$work/batch-0.png" "$work/one.png" || fail "the first is not --index 0"
expect 0 "p002.ppm: 64x64" "$tae" decode "$work/batch.safetensors" \
  -o "$work/p%03d.ppm" --index 2
[ "$(head -c 2 "$work/p002.ppm")" = P6 ] || fail "no PPM"
expect 2 "takes all, or 0 to 2" "$tae" decode "$work/batch.safetensors" \
  -o "$work/x.png" --index 3
expect 2 "not as .jpg" "$tae" decode "$work/batch.safetensors" -o "$work/x.jpg"
[ ! -e "$work/x.jpg" ] || fail "x.jpg was written"
make "$work/clip.safetensors" 1,16,5,8,8 space=wan21
expect 2 "a clip of 5 frames" "$tae" decode "$work/clip.safetensors" \
  -o "$work/x.png"
make "$work/five.safetensors" 2,16,1,8,8 space=wan2.1
expect 0 "five-1.png" "$tae" decode "$work/five.safetensors" \
  -o "$work/five.png" --index all
make "$work/named.safetensors" 1,16,8,8
expect 0 "16 channels are taken for flux1; --variant names another (sd3" \
  "$tae" decode "$work/named.safetensors" -o "$work/x.png"
expect 2 "nearest names are flux" "$tae" decode "$work/named.safetensors" \
  -o "$work/x.png" --variant flux3
expect 0 "variant wan21" "$tae" decode "$work/named.safetensors" \
  -o "$work/x.png" --variant Krea2Pipeline
expect 2 "unknown domain 'pixels'" "$tae" decode "$work/named.safetensors" \
  -o "$work/x.png" --domain pixels
make "$work/tokens.safetensors" 1,16,64 space=flux1
expect 2 "tae --size" "$tae" decode "$work/tokens.safetensors" -o "$work/x.png"
expect 0 "64x64" "$tae" decode "$work/tokens.safetensors" -o "$work/x.png" \
  --size 64x64
make "$work/comfy2.latent" 1,128,8,8 @latent_tensor @latent_format_version_0
expect 0 "F32 sampler" "$tae" inspect "$work/comfy2.latent"
expect 0 "F32 vae" "$tae" inspect "$work/comfy2.latent" --domain vae
# The doctor's advice can be typed, and helps.
make "$work/nhwc.safetensors" 1,16,16,16 space=flux1 layout=nchw smooth
expect 0 "try --layout nhwc" "$tae" doctor "$work/nhwc.safetensors"
expect 0 "nothing found" "$tae" doctor "$work/nhwc.safetensors" --layout nhwc
expect 0 "try --layout nhwc" "$tae" decode "$work/nhwc.safetensors" \
  -o "$work/x.png"
make "$work/noise.safetensors" 1,4,32,32 space=sd noise
expect 0 "try --pred x" "$tae" doctor "$work/noise.safetensors"
expect 0 "nothing found" "$tae" doctor "$work/noise.safetensors" --pred x
# The space that the picture beside a latent names is the table's.
make "$work/golden.safetensors" 1,32,3,3 variant=sana image=96
expect 0 "PSNR median" "$tae" fit "$work/golden.safetensors" \
  -o "$work/sana.safetensors"
expect 0 "96x96, variant sana" "$tae" decode "$work/golden.safetensors" \
  --model "$work/sana.safetensors" -o "$work/x.png"
# A recording that is cut inside a message: what is whole, and a warning.
cat "$corpus"/v1.npy "$corpus"/v1.npy > "$work/two.npy"
whole=$(stat -c %s "$corpus/v1.npy")
head -c $((whole + whole / 2)) "$work/two.npy" > "$work/cut.npy"
expect 0 "begins at byte $whole is cut" "$tae" decode "$work/cut.npy" \
  -o "$work/x.png" --variant sd
expect 0 "1 latent" "$tae" inspect "$work/cut.npy"
# F64 is counted.
make "$work/f64.safetensors" 1,4,8,8 space=sd dtype=F64
expect 0 "1 F64, 256 values" "$tae" inspect "$work/f64.safetensors"
# A damaged file does not hide the rest; what is said names it.
mkdir -p "$work/home/tae"
printf 'version https://git-lfs.github.com/spec/v1\n' \
  > "$work/home/tae/taesd_decoder.safetensors"
expect 0 "is a git-lfs pointer" "$tae" decode "$work/batch.safetensors" \
  -o "$work/x.png"
rm "$work/home/tae/taesd_decoder.safetensors"
# Out of memory: what was done, which file, of what size.
if [ -z "${TAE_INSTRUMENTED:-}" ]; then
  make "$work/large.safetensors" 1,4,1024,2048 space=sd dtype=F64
  got=$( (ulimit -v 100000; "$tae" inspect "$work/large.safetensors" 2>&1) || true)
  grep -q "large.safetensors" <<<"$got" && ! grep -q "std::" <<<"$got" ||
    fail "out of memory: $got"
fi

[ "${2:-}" = golden ] || exit 0
golden=${TAE_SHARED:-}/golden
if [ ! -d "$golden" ]; then
  echo "skipped: needs golden/ in TAE_SHARED"
  exit 77
fi
weights=$TAE_SHARED/weights/taef2_decoder.safetensors
expect 0 "TAEF2 decoder" "$tae" inspect "$weights"
expect 0 "is an encoder" "$tae" inspect "$TAE_SHARED/weights/taef2_encoder.pth"
expect 0 "264x200, variant flux2, taesd-c32-pool" "$tae" decode \
  "$golden/flux2_chelsea_264x200.safetensors" --model "$weights" \
  -o "$work/cat.png"
# A table fitted to one picture beats the published one on it.
expect 0 "published table" "$tae" fit --variant flux2 --window 3 \
  "$golden/flux2_chelsea_264x200.safetensors" -o "$work/table.safetensors"
expect 0 "264x200, variant flux2, linear" "$tae" decode \
  "$golden/flux2_chelsea_264x200.safetensors" \
  --model "$work/table.safetensors" -o "$work/linear.png"
expect 2 "--window takes one of 1, 3" "$tae" fit --window 2 \
  "$golden/flux2_chelsea_264x200.safetensors" -o "$work/table.safetensors"
expect 2 "cannot be written" "$tae" fit --variant flux2 \
  "$golden/flux2_tiny_8x8.safetensors" -o "$work/none/table.safetensors"
# The latent doctor: silent on what is right, and nearly every mistake found.
expect 0 "nothing found" "$tae" doctor --check \
  "$golden/flux2_coffee_600x400.safetensors"
expect 0 "0 false alarms" "$tae" doctor --table --check \
  "$golden"/{flux2_{astronaut_512,coffee_600x400},wan21_clip_ncthw}.safetensors
expect 2 "name at least one file" "$tae" doctor --table
cases=("$golden"/flux2_{tiny_8x8,chelsea_264x200,strip_1024x64}.safetensors)
for precision in f32 f16; do
  expect 0 '"max_abs":' "$tae" validate "${cases[@]}" --model "$weights" \
    --precision $precision --check --json
  expect 0 "sd_seeded" "$tae" validate "$golden/sd_seeded_320x192.safetensors" \
    --precision $precision --check
done
"$tae" bench --model "$weights" --size 64,128x64 --iters 3 --threads 2 \
  --json 2>"$work/warnings" | python3 "$(dirname "$0")/check_bench.py" ||
  fail "tae bench --json"
expect 0 "1 -> 2 threads" "$tae" bench --model "$weights" --size 64 --iters 1 \
  --threads 2 --scaling
# Weights of another space do not fit; another picture is out of bounds.
expect 2 "has 32" "$tae" validate "${cases[0]}" \
  --model "$golden/sd_seeded_decoder.safetensors"
other=$work/flux2_other.safetensors
cp "${cases[0]}" "$other" && chmod u+w "$other"
head -c 64 /dev/zero |
  dd of="$other" bs=1 seek=$(($(stat -c %s "$other") - 64)) conv=notrunc \
    status=none
expect 1 "OUT OF BOUNDS" "$tae" validate "$other" --model "$weights" --check
expect 0 "upconv3x3" "$tae" validate "${cases[0]}" --model "$weights" \
  --backend reference --precision f32 --steps
echo "all commands did as they should"
