#!/usr/bin/env bash
# fetch-weights.sh VARIANT: downloads the published decoder of a latent space,
# checks its sha256 and puts it where taedecode looks for it
# (${XDG_DATA_HOME:-~/.local/share}/tae).
#   TAE_WEIGHTS_URL  another address for the same file (a mirror, file://...)
#   TAE_FETCH_SECONDS  give up after this long (default 600)
set -euo pipefail

github=https://raw.githubusercontent.com/madebyollin/taesd/main
hub=https://huggingface.co/madebyollin
case ${1:-} in
  flux2) file=taef2_decoder.pth url=$github/$file
    sha256=0a44a31e1ae59eb9dbf9359d24942fd3ef5928162c1800d97a28c61d51be0ab5 ;;
  flux1) file=taef1_decoder.safetensors
    url=$hub/taef1/resolve/b1b2d00e9e440cfbf3dedb34266864da86016ceb
    url+=/diffusion_pytorch_model.safetensors
    sha256=47a6c2bff850da04b267cab70fe3553fef57255eb9a8e76852baa0a87850e54d ;;
  sd3) file=taesd3_decoder.safetensors
    url=$hub/taesd3/resolve/main/diffusion_pytorch_model.safetensors
    sha256=6f79c1397cb9ce1dac363722dbe70147aee0ccca75e28338f8482fe515891399 ;;
  sd) file=taesd_decoder.safetensors
    url=$hub/taesd/resolve/614f76814bbe30edbe2e627ace1c2234c81a2c0e/$file
    sha256=f0fb51dd10d41c26612c070fa0b52ea0215a5ff90792134b4971109dd713c019 ;;
  sdxl) file=taesdxl_decoder.safetensors
    url=$hub/taesdxl/resolve/b20258aaef75ef61e659c1e0f14f251cf0ad153e/$file
    sha256=f6013131e7eb412ef20113f1acc2ea7d3e47e53196ca0530fa65d9b61d814b61 ;;
  *) echo "usage: $0 flux2|flux1|sd3|sd|sdxl" >&2 && exit 2 ;;
esac
url=${TAE_WEIGHTS_URL:-$url}
folder=${XDG_DATA_HOME:-$HOME/.local/share}/tae

has_sum() { echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }
if [ -f "$folder/$file" ] && has_sum "$folder/$file"; then
  echo "$folder/$file" && exit 0
fi

mkdir -p "$folder"
part=$(mktemp "$folder/.$file.XXXXXX")
trap 'rm -f "$part"' EXIT
seconds=${TAE_FETCH_SECONDS:-600}
most=16777216  # bytes; the files have 2.5 to 10 million
if command -v curl >/dev/null; then
  get=(curl --fail --silent --show-error --location --max-time "$seconds"
    --max-filesize "$most" "$url")
elif command -v wget >/dev/null; then
  get=(timeout "$seconds" wget --quiet --output-document=- "$url")
else
  echo "$0: needs curl or wget" >&2 && exit 1
fi
# A server need not say how much it sends, nor keep to it: one byte more than
# the most is written, and the rest not waited for.
if ! "${get[@]}" | head -c "$((most + 1))" >"$part" &&
  [ "$(stat -c %s "$part")" -le "$most" ]; then
  echo "$0: could not download $url" >&2 && exit 1
fi
size=$(stat -c %s "$part")
if [ "$size" -gt "$most" ]; then
  echo "$0: $url has more than $most bytes, which no such file has;" \
    "nothing was installed" >&2
  exit 1
fi
if ! has_sum "$part"; then
  echo "$0: $url has $size bytes of sha256" \
    "$(sha256sum "$part" | cut -d' ' -f1), expected $sha256;" \
    "nothing was installed" >&2
  exit 1
fi
chmod 644 "$part"
mv "$part" "$folder/$file"
echo "$folder/$file"
