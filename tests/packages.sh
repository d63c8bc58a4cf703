# Sourced by tests/run.sh and examples/preview.sh: the one list of the Debian
# packages that this project needs, and how what is missing gets installed.
# shellcheck shell=bash disable=SC2034

PACKAGES_BUILD=(g++ cmake ninja-build pkg-config libhwy-dev
  nlohmann-json3-dev libzip-dev zlib1g-dev libmd-dev libpng-dev
  libopenblas-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev)
PACKAGES_PREVIEW=(python3 curl ca-certificates gstreamer1.0-tools
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-x)
# Of examples/preview-server.
PACKAGES_SERVER=(libsoup-3.0-dev gstreamer1.0-plugins-base
  gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice)
PACKAGES_TESTS=("${PACKAGES_PREVIEW[@]}" "${PACKAGES_SERVER[@]}" libgtest-dev
  libbenchmark-dev meson python3-numpy gstreamer1.0-plugins-bad xvfb x11-utils
  x11-apps gstreamer1.0-plugins-base-apps gir1.2-gst-rtsp-server-1.0
  python3-gst-1.0)
# Of the formatter, the checks of the code, and what tests/run.sh --quick leaves
# out: the encoders of films, a browser, torch, and other machines' CPUs.
PACKAGES_TESTS_HEAVY=(clang clang-format-14 clang-tidy-14 valgrind
  gstreamer1.0-plugins-ugly gstreamer1.0-libav ffmpeg python3-pil python3-torch
  chromium chromium-driver g++-aarch64-linux-gnu qemu-user)
# The peers of bench/compare, and its plot; each can be done without.
PACKAGES_COMPARE=(python3-torch libdnnl-dev python3-matplotlib nodejs npm)

# install_packages NAME...: asks apt only for what is not there, and says so.
install_packages() {
  local name missing=() as_root=()
  if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system; this must be there: $*"
    return
  fi
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null |
      grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  echo "Installing Debian packages: ${missing[*]}"
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "${missing[@]}")
  "${install[@]}" || { "${as_root[@]}" apt-get update && "${install[@]}"; }
}
