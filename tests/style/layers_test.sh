#!/usr/bin/env bash
# layers_test.sh SOURCE: layers.sh refuses each include planted here, and takes
# the ones that are right.
set -euo pipefail
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/examples"
cp -r "$source"/{decoder,elements,plugin} "$work"
cp -r "$source/examples/preview-server" "$work/examples"
cd "$work"
bash "$source/tests/style/layers.sh" . || { echo "refused as it is" && exit 1; }

tried=0 wrong=0
# plant passes|refused FILE INCLUDE: FILE with that line before it.
plant() {
  local got=passes
  [ -f "$2" ] && cp "$2" kept || rm -f kept
  { printf '%s\n' "$3" && { [ ! -f kept ] || cat kept; }; } >"$2"
  bash "$source/tests/style/layers.sh" . >said || got=refused
  if [ "$got" = refused ] && ! grep -q "^$2:1 includes \|has no row" said; then
    got="refused for something else"
  fi
  [ -f kept ] && mv kept "$2" || rm "$2"
  tried=$((tried + 1))
  if [ "$got" != "$1" ]; then
    echo "$got, not $1: $2 with $3" && cat said
    wrong=$((wrong + 1))
  fi
}

while read -r verdict file include; do
  [ -z "$verdict" ] || plant "$verdict" "$file" "#include $include"
done <<'END_OF_LIST'
refused decoder/base/half.cc "latent/readings.h"
refused decoder/base/half.cc "tae/decoder.h"
refused decoder/io/tensor_file.cc "latent/readings.h"
refused decoder/io/pth.cc "latentsrc/listener.h"
refused decoder/io/pth.cc "model/model.h"
refused decoder/latent/denoise.cc "exec/executor.h"
refused decoder/model/load.cc "tae/ladder.h"
refused decoder/model/load.cc "plan/plan.h"
refused decoder/plan/plan.cc "latent/readings.h"
refused decoder/plan/plan.cc "kernels/kernel_table.h"
refused decoder/kernels/select.cc "parallel/denormals.h"
refused decoder/parallel/thread_pool.cc "exec/executor.h"
refused decoder/exec/make_executor.cc "latent/readings.h"
refused decoder/exec/make_executor.cc "tae/ladder.h"
refused decoder/exec/make_executor.cc "io/mapped_file.h"
refused decoder/decoder.cc "tool/arguments.h"
refused decoder/ladder.cc "io/mapped_file.h"
refused decoder/models/builtin_weights.h "model/model.h"
refused decoder/include/tae/types.h "tae/decoder.h"
refused decoder/include/tae/decoder.h "tae/ladder.h"
refused decoder/include/tae/decoder.h "base/half.h"
refused decoder/tool/decode.cc "common/latent_caps.h"
refused decoder/io/pth.cc <gio/gio.h>
refused decoder/io/pth.cc <glib-object.h>
refused decoder/tool/decode.cc <gst/gst.h>
refused decoder/exec/band_executor.cc <immintrin.h>
refused elements/taedecode/painter.cc <arm_neon.h>
refused decoder/exec/band_executor.cc <latent/readings.h>
refused decoder/io/pth.cc "../exec/executor.h"
refused decoder/io/pth.cc "decoder/exec/executor.h"
refused decoder/io/pth.cc "executor.h"
refused decoder/io/pth.cc "support/temp_folder.h"
refused elements/taedecode/painter.cc "latent/readings.h"
refused elements/taedecode/painter.cc "latentsrc/listener.h"
refused elements/taedecode/painter.cc "models/builtin_weights.h"
refused elements/common/guard.h "taedecode/stream.h"
refused elements/latentparse/typefind.cc "io/latent_header.h"
refused plugin/plugin.cc "exec/executor.h"
refused plugin/plugin.cc "tae/decoder.h"
refused examples/preview-server/main.cc "latentsrc/listener.h"
refused examples/preview-server/main.cc "exec/executor.h"
passes decoder/exec/band_executor.cc "kernels/select.h"
passes decoder/kernels/select.cc <immintrin.h>
passes decoder/tool/decode.cc "exec/executor.h"
passes decoder/io/pth.cc <zip.h>
passes elements/taedecode/painter.cc "common/latent_caps.h"
passes elements/taedecode/painter.cc "tae/decoder.h"
passes plugin/plugin.cc "taedecode/taedecode.h"
END_OF_LIST

plant refused decoder/io/pth.cc '  #  include "exec/executor.h"'
mkdir decoder/another
plant refused decoder/another/another.cc '#include <vector>'
echo "$tried includes planted, $wrong judged wrongly"
[ "$wrong" = 0 ] && [ "$tried" -ge 50 ]
