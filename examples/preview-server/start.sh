#!/usr/bin/env bash
# Builds tae-preview-server, installing what is missing, and starts it:
#   examples/preview-server/start.sh [OPTIONS]     --help lists them
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/packages.sh

install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_SERVER[@]}"
cmake --preset release -Dpreview_server=enabled >/dev/null
cmake --build --preset release --target tae-preview-server
exec build/release/examples/preview-server/tae-preview-server "$@"
