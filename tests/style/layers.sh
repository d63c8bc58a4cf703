#!/usr/bin/env bash
# layers.sh SOURCE: who may include whom. The rooms are the folders; an include
# that the tables below do not allow is an error, and so is a folder of
# decoder/ that has no row.
set -euo pipefail
cd "$1"

# A room of decoder/ (or one file of it), and what else of decoder/ it may
# include: its own headers go without saying. "tae/" is all public headers.
decoder_table='
base:      tae/types.h
io:        base tae/latent_stream.h tae/status.h tae/types.h tae/variant.h
models:
model:     base io models tae/decoder.h tae/status.h tae/types.h tae/variant.h
latent:    base io model tae/changed_rows.h tae/denoise.h tae/doctor.h
latent:    tae/interpolate.h tae/latent_change.h tae/status.h tae/types.h
latent:    tae/variant.h
plan:      base model tae/decoder.h tae/status.h tae/types.h
kernels:   base model tae/status.h tae/types.h
parallel:  base tae/parallel.h tae/status.h
exec:      base kernels model parallel plan tae/decoder.h tae/parallel.h
exec:      tae/status.h tae/types.h
exec/shrink.cc: tae/ladder.h
decoder.cc: base exec latent model plan tae/
c_interface.cc: base tae/
open_best.cc: tae/
ladder.cc: base exec latent model plan tae/
tool:      base exec io kernels latent model parallel plan tae/
include/tae: tae/export.h tae/status.h tae/types.h
include/tae/decoder.h: tae/parallel.h tae/variant.h
include/tae/ladder.h:  tae/decoder.h tae/parallel.h
include/tae/open_best.h: tae/decoder.h
'
# Elements see the public headers, what they share, and themselves; the plugin
# sees the elements, and the preview server those that it registers.
elements_rule='common tae/'

gstreamer='^(glib|gio|gobject|gmodule|gst|libsoup)(-|/|\.)'
simd='^([a-z0-9]*intrin\.h|arm_(neon|sve|acle)[a-z0-9_]*\.h|hwy/|altivec\.h)'

# path:line:included, whether between quotes or angle brackets.
includes() {
  local folder folders=()
  for folder in decoder elements plugin examples/preview-server; do
    [ ! -d "$folder" ] || folders+=("$folder")
  done
  grep -rnE --include='*.h' --include='*.cc' --include='*.c' \
    '^[[:space:]]*#[[:space:]]*include' "${folders[@]}" |
    sed -E 's/^([^:]*:[0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*/\1:/
      s/:([<"])([^>"]*)[>"].*/:\1\2/'
}

has_sources() { [ -n "$(find "$1" -name '*.h' -o -name '*.cc' -o -name '*.c')" ]; }

rooms=()
for folder in decoder/*/; do
  folder=${folder%/} && folder=${folder#decoder/}
  if [ "$folder" != include ] && has_sources "decoder/$folder"; then
    rooms+=("$folder")
  fi
done
elements=()
for folder in elements/*/; do
  folder=${folder%/} && elements+=("${folder#elements/}")
done

includes | awk -v table="$decoder_table" -v rule="$elements_rule" \
  -v decoder_rooms="${rooms[*]}" -v element_rooms="${elements[*]}" \
  -v gstreamer="$gstreamer" -v simd="$simd" '
function wrong(why) {
  printf "%s includes %s: %s\n", place, included, why
  bad = 1
}
function grant(who, what,   words, i, n) {
  n = split(what, words, " ")
  for (i = 1; i <= n; i++) may[who, words[i]] = 1
}
# Whether this may include `included`, by its folder, its name or all of tae/.
function granted(who,   folder) {
  folder = included
  sub(/\/.*/, "", folder)
  return (who, included) in may || (who, folder) in may ||
    (folder == "tae" && (who, "tae/") in may)
}
BEGIN {
  n = split(table, rows, "\n")
  for (i = 1; i <= n; i++) {
    if (rows[i] == "") continue
    who = rows[i]; sub(/:.*/, "", who)
    what = rows[i]; sub(/[^:]*:/, "", what)
    row[who] = 1
    grant(who, what)
  }
  n = split(decoder_rooms, names, " ")
  for (i = 1; i <= n; i++) {
    known[names[i]] = in_decoder[names[i]] = 1
    grant(names[i], names[i])
    if (!(names[i] in row)) {
      printf "decoder/%s has no row in the table of layers.sh\n", names[i]
      bad = 1
    }
  }
  n = split(element_rooms, names, " ")
  for (i = 1; i <= n; i++) {
    known[names[i]] = 1
    grant("elements/" names[i], names[i] " " rule)
    grant("plugin", names[i])
    grant("examples/preview-server", names[i] "/" names[i] ".h")
  }
  grant("examples/preview-server", rule)
  known["tae"] = 1
}
{
  split($0, part, ":")
  path = part[1]; place = path ":" part[2]
  included = substr($0, length(place) + 2)
  quoted = substr(included, 1, 1) == "\""
  included = substr(included, 2)
  first = included; sub(/\/.*/, "", first)

  if (!quoted && !(included ~ /\// && first in known)) {  # the system
    if (path ~ /^decoder\// && included ~ gstreamer)
      wrong("no GLib or GStreamer below elements/")
    if (included ~ simd && path !~ /^decoder\/kernels\//)
      wrong("SIMD headers belong into decoder/kernels/")
    next
  }
  if (included ~ /(^|\/)\.\.?\//) { wrong("write the path from its root"); next }

  split(path, folder, "/")
  if (folder[1] == "decoder") {
    file = path; sub(/^decoder\//, "", file)
    room = file; sub(/\/[^\/]*$/, "", room)
    if (file !~ /^include\//) sub(/\/.*/, "", room)
    if (!granted(file) && !granted(room))
      wrong("not in the row of " room " in tests/style/layers.sh")
  } else if (folder[1] == "elements") {
    if (!granted("elements/" folder[2]))
      wrong("an element sees itself, common/ and the public headers")
  } else if (folder[1] == "plugin") {
    if (!granted("plugin")) wrong("the plugin sees the elements")
  } else if (first in known && first != "webrtc") {
    if (!granted("examples/preview-server"))
      wrong("the server sees common/, the public headers and elements as a whole")
  }
}
END { exit bad }'
