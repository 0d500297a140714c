#!/usr/bin/env bash
# Installs what building, testing and checking need, on Debian 12 and its relatives.
#
#   scripts/setup.sh           installs only what is missing; where nothing is, needs no network
#   DCGAN_NO_APT=1             leaves the system alone (the packages come from elsewhere)
#
# Needs root, or sudo, only when something is missing.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config                  # compiling
  libdnnl-dev ocl-icd-opencl-dev                           # Debian's oneDNN asks for OpenCL's headers
  nlohmann-json3-dev libcli11-dev libfmt-dev libxxhash-dev
  libjpeg-dev libpng-dev zlib1g-dev                        # pictures and compressed files
  libwebp-dev libtiff-dev libgif-dev                       # more pictures; the build can do without
  libopenmpi-dev openmpi-bin                               # CPU ranks that mpirun starts
  catch2 clang-format python3 valgrind                     # tests and checks
)

say() { echo "setup: $*"; }

if [[ "${DCGAN_NO_APT:-}" == 1 ]]; then
  say "DCGAN_NO_APT=1: no package is looked for or installed"
  exit 0
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  say "no Debian package tools here; the build needs what these packages hold: ${packages[*]}" >&2
  say "install them another way, then run again with DCGAN_NO_APT=1" >&2
  exit 69
fi

is_installed() {
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  say "all ${#packages[@]} packages are here"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    say "missing: ${missing[*]}; run as root, or install sudo" >&2
    exit 69
  fi
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
say "reading the package lists"
"${as_root[@]}" apt-get update -qq
say "installing ${missing[*]}"
"${as_root[@]}" apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >&2
say "installed ${#missing[@]} packages"
