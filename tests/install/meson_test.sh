#!/usr/bin/env bash
# meson_test.sh SOURCE WORK: builds the project through Meson, as a subproject
# the way GStreamer takes its modules in, and checks what it installs. Without
# optimisation and without programs, as all of it is compiled once more.
set -euo pipefail
source=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$work/super/subprojects"
ln -sfn "$source/meson_options_compat" "$work/super/subprojects/gst-tae"
cat >"$work/super/meson.build" <<'END'
project('super', version: '1', default_options: ['buildtype=plain'])
subproject('gst-tae')
END

# A wrong value must be refused, and the choices named.
if meson setup "$work/refused" "$source/meson_options_compat" -Dtests=maybe \
  >"$work/refused.log" 2>&1; then
  echo "meson took -Dtests=maybe" && exit 1
fi
grep -q "enabled" "$work/refused.log"

options=(-Dgst-tae:tests=disabled -Dgst-tae:bench=disabled
  -Dgst-tae:tools=disabled -Dgst-tae:preview_server=disabled
  -Dgst-tae:default_library=shared)
[ -f "$work/build/build.ninja" ] ||
  meson setup "$work/build" "$work/super" --prefix=/opt/tae --libdir=lib \
    "${options[@]}"
meson compile -C "$work/build"
rm -rf "$work/root"
DESTDIR=$work/root meson install -C "$work/build"
prefix=$work/root/opt/tae
"$here/check_consumer.sh" "$prefix" "$work"

library=$(find "$prefix" -name 'libtae.so.*.*')
"$here/../style/check_exports.sh" "$library" 'tae(::|_)'
if [ -n "$(find "$work/build" -name libgsttae.so)" ]; then
  plugin=$(find "$prefix" -path '*/gstreamer-1.0/libgsttae.so')
  "$here/../style/check_exports.sh" "$plugin" 'gst_plugin_tae_'
fi
