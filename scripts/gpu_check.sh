#!/usr/bin/env bash
# Checks the engine on a machine with a GPU in one go. Needs no network; python3 (3.11 or newer).
#
#   scripts/gpu_check.sh                  builds into build/gpu-check, or uses build/ of a bundle
#   scripts/gpu_check.sh --build DIR      uses this build (DIR/dcgan, DIR/tests/test_*)
#   scripts/gpu_check.sh --out DIR        where results go (default: gpu-check)
#   scripts/gpu_check.sh --part PART      first: a trace, step, strongest peers, our kernels;
#                                         second: what is left over; all (default): both
#   scripts/gpu_check.sh --budget-s N     ends after N seconds (default: 520); building not counted
#   scripts/gpu_check.sh --cache FILE     logs.tar.gz of an earlier call, whose plans are
#                                         used (default: the one in --out or in the bundle)
#   scripts/gpu_check.sh --only A,B       of the part's steps these alone
#   scripts/gpu_check.sh --rehearse       a small run on an emulated build: seconds a step
#
# NVIDIA's libraries are looked for in the packages of python3, too, and so is PyTorch for the
# comparison; DCGAN_TORCH_PYTHON names another Python. The traces and MNIST are looked for in
# DCGAN_SHARED, shared/ and ../shared. Goes on after a failure; a step for which no time is left is
# skipped. After every step DIR holds result.json (machine, versions, each step), bench.json,
# peers.json, samples.png and logs.tar.gz (with the plan cache), each whole at any moment.
# Exit: 0 all passed or were skipped, 1 something failed, 2 usage, 128 + N stopped by signal N.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
case " $* " in
  *" -h "* | *" --help "*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
esac
command -v python3 >/dev/null || { echo "gpu_check: python3 is needed" >&2; exit 2; }
exec python3 -B "$here/gpu_check" "$@"
