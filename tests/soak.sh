#!/usr/bin/env bash
# Runs the viewer, a recording and the preview server for some minutes under
# changing producers and browsers, and fails where something grows or is lost.
#   tests/soak.sh [MINUTES] [BUILD]      default: 2 build/release
# TAE_SOAK_WEIGHTS is the viewer's TAE_MODEL_PATH; without it, it has no file.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${TAE_PYTHON:-/usr/bin/python3}" -B tests/soak/soak.py "${1:-2}" \
  "${2:-build/release}"
