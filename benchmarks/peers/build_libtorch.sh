#!/usr/bin/env bash
# Builds build/libtorch/libtorch_dcgan, the peer written with PyTorch's C++ library.
#
#   benchmarks/peers/build_libtorch.sh                       with Debian's libtorch-dev
#   benchmarks/peers/build_libtorch.sh --torch-prefix DIR    with the libtorch in DIR: the unpacked
#                                       archive of pytorch.org, or site-packages/torch of the wheel
#
# Needs CMake, a C++20 compiler and a libtorch (apt-get install libtorch-dev: version 1.13 in Debian
# 12, some 200 MB; the wheel that benchmarks/peers/setup_torch.sh installs is newer and faster).
# Installs nothing. Exit: 0 built, 69 no libtorch, else the compiler's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

prefix=""
while [[ $# -gt 0 ]]; do
  case "$1" in
    --torch-prefix)
      [[ $# -ge 2 ]] || { echo "build_libtorch: --torch-prefix needs a folder" >&2; exit 2; }
      prefix="$2"
      shift 2 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "build_libtorch: unknown option $1 (--help)" >&2; exit 2 ;;
  esac
done
options=(-S benchmarks/peers/libtorch_dcgan -B build/libtorch -DCMAKE_BUILD_TYPE=Release)
if [[ -n $prefix ]]; then
  header="$prefix/include/torch/csrc/api/include/torch/torch.h"
  if [[ ! -f $header ]]; then
    echo "build_libtorch: no libtorch in $prefix: $header is missing" >&2
    exit 69
  fi
  options+=("-DCMAKE_PREFIX_PATH=$(cd "$prefix" && pwd)")
elif [[ ! -f /usr/include/torch/csrc/api/include/torch/torch.h ]]; then
  echo "build_libtorch: no libtorch here: apt-get install libtorch-dev, or --torch-prefix DIR with" \
    "site-packages/torch of a Python that has PyTorch (benchmarks/peers/setup_torch.sh)" >&2
  exit 69
fi
rm -rf build/libtorch # what was found of another libtorch must not stay
cmake "${options[@]}"
cmake --build build/libtorch
echo "build_libtorch: build/libtorch/libtorch_dcgan"
