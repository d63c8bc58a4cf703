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

# However much is sent, no more than the limit lands on the disk.
truncate -s 1G "$work/large.pth"
export TAE_WEIGHTS_URL=file://$work/large.pth
if (ulimit -f 20000; "$fetch" flux2 2>"$work/errors"); then
  echo "a file of 1 GB was taken" && exit 1
fi
grep -qE "more than 16777216 bytes|could not download" "$work/errors"
[ -z "$(ls -A "$XDG_DATA_HOME/tae")" ]
# Nor from a server that does not say how much it will send.
python3 - "$work/port" <<'PY' &
import http.server, sys
class Endless(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 20))
        except OSError:
            pass
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Endless)
with open(sys.argv[1] + ".part", "w") as file:
    file.write(str(server.server_port))
import os
os.rename(sys.argv[1] + ".part", sys.argv[1])
server.serve_forever()
PY
server=$!
trap 'kill "$server"' EXIT
until [ -f "$work/port" ]; do
  kill -0 "$server"
  sleep 0.05
done
export TAE_WEIGHTS_URL=http://127.0.0.1:$(<"$work/port")/taef2_decoder.pth
if (ulimit -f 20000; "$fetch" flux2 2>"$work/errors"); then
  echo "an endless file was taken" && exit 1
fi
grep -q "more than 16777216 bytes" "$work/errors"
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
