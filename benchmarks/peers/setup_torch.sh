#!/usr/bin/env bash
# Makes a Python environment with PyTorch, for benchmarks/peers and scripts/record_trace.py.
#
#   benchmarks/peers/setup_torch.sh [FOLDER]     default build/torch; TORCH_VERSION=2.15.0 pins one
#
# Installs torch, numpy and safetensors from PyPI (whose torch for Linux brings NVIDIA's libraries
# along: several GB). A second run does nothing. Nothing outside FOLDER changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder="${1:-build/torch}"
python="$folder/bin/python"
check='import numpy, safetensors, torch; print("torch", torch.__version__)'

if [[ -x "$python" ]] && found="$("$python" -c "$check" 2>/dev/null)"; then
  echo "setup_torch: $folder has $found"
  exit 0
fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "setup_torch: python3 has no venv (apt-get install python3-venv)" >&2
  exit 69
fi
echo "setup_torch: making $folder"
python3 -m venv "$folder"
echo "setup_torch: installing torch ${TORCH_VERSION:-}, numpy and safetensors from PyPI"
"$python" -m pip install --quiet --disable-pip-version-check \
  "torch${TORCH_VERSION:+==$TORCH_VERSION}" numpy safetensors
echo "setup_torch: $folder has $("$python" -c "$check")"
