#!/usr/bin/env bash
# window_test.sh SOURCE PLUGIN_DIR WORK: the README's demo line in a real window
# under Xvfb; a screenshot must show the picture. Skipped (77) without Xvfb.
set -euo pipefail
source=$1 plugin=$2 work=$3
for tool in Xvfb xwininfo xwd; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool" && exit 77; }
done

rm -rf "$work" && mkdir -p "$work" && cd "$work"
export GST_PLUGIN_PATH=$plugin GST_REGISTRY=$work/registry
export XDG_DATA_HOME=$work/none TAE_MODEL_PATH=
unset WAYLAND_DISPLAY

# Xvfb writes the number of its display when it answers there. Without -noreset
# it starts anew whenever its last client leaves, as every xwininfo below does,
# and refuses the viewer meanwhile.
mkfifo number
Xvfb -displayfd 3 -noreset -screen 0 800x600x24 3>number 2>xvfb.log &
server=$!
trap 'kill $server $viewer 2>/dev/null || true' EXIT
viewer=
read -r number <number
export DISPLAY=:$number

line=$(grep -m 1 '^    gst-launch-1\.0 latentsrc num-buffers=35 ' \
  "$source/README.md")
# Goes on, so that there is time for the screenshot; one step already ends it.
bash -c "exec ${line/num-buffers=35/steps=1}" >viewer.log 2>&1 &
viewer=$!
for _ in $(seq 3000); do
  window=$(xwininfo -root -tree | awk '/gst-launch-1.0/ && /x/ {print $1; exit}')
  [ -z "$window" ] || break
  kill -0 "$viewer" || { cat viewer.log && exit 1; }
  sleep 0.1
done
[ -n "$window" ] || { echo "no window" && cat viewer.log && exit 1; }
# Until the picture is in it: a landscape has many colours.
for _ in $(seq 3000); do
  xwd -silent -id "$window" -out window.xwd 2>/dev/null || true
  if [ -s window.xwd ]; then
    colours=$(tail -c +4096 window.xwd | od -An -v -tx4 -w4 | sort -u | wc -l)
    [ "$colours" -lt 1000 ] || break
  fi
  sleep 0.1
done
echo "$colours colours in $PWD/window.xwd"
[ "$colours" -ge 1000 ]
