#!/usr/bin/env bash
# Builds everything and runs every test and check that this machine can run.
#
#   scripts/test.sh                 the `ci` build with its tests; the CUDA engine on the CPU
#                                   (`emulated`, its kernels again in `emulated-tsan`) where
#                                   CUDA's headers are; the checks
#   scripts/test.sh --sanitizers    also the `debug-asan` and `tsan` builds
#   scripts/test.sh --tidy          also clang-tidy over the files that differ from main
#   scripts/test.sh --tidy-all      also clang-tidy over every file
#   scripts/test.sh --no-emulated   without the emulated builds
#
# Each part runs even when one before it failed; the last lines say how each ended, with ctest's
# closing lines. Exit: 0 all passed, 1 something failed, 2 usage. JOBS=N limits parallel compilers.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sanitizers=no emulated=yes tidy=""
for argument in "$@"; do
  case "$argument" in
    --sanitizers) sanitizers=yes ;;
    --no-emulated) emulated=no ;;
    --tidy) tidy=changed ;;
    --tidy-all) tidy=--all ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "test: unknown option $argument (scripts/test.sh --help)" >&2; exit 2 ;;
  esac
done
jobs="${JOBS:-$(nproc)}"
summary=() failed=0

note() { # note RESULT PART DETAIL
  summary+=("$(printf '%-6s %-12s %s' "$1" "$2" "$3")")
  [[ "$1" != FAILED ]] || failed=1
}

step() { # step NAME COMMAND...: runs a check that is not a ctest
  local name="$1" status=0
  shift
  echo "== $name"
  "$@" || status=$?
  case $status in
    0) note passed "$name" "" ;;
    77) note left "$name" "out: its tool is missing (see above)" ;;
    *) note FAILED "$name" "exit status $status" ;;
  esac
}

suite() { # suite PRESET: configure, build all, ctest
  local preset="$1" log="build/$1/ctest.log" closing
  echo "== $preset: configure, build, test"
  rm -f "$log"
  if ! cmake --preset "$preset" || ! cmake --build --preset "$preset" --parallel "$jobs"; then
    note FAILED "$preset" "does not build"
    return
  fi
  local verdict=passed
  ctest --preset "$preset" --parallel "$jobs" 2>&1 | tee "$log" || verdict=FAILED
  closing="$(grep -E '^[0-9]+% tests passed' "$log" | tail -n 1)"
  note "$verdict" "$preset" "${closing:-ctest has no closing line}"
}

find_cuda_headers() {
  local nvcc folder
  nvcc="$(command -v nvcc || true)"
  for folder in "${CUDA_HOME:-}" /usr/local/cuda /usr/lib/cuda /usr "${nvcc%/bin/nvcc}"; do
    if [[ -n "$folder" && -f "$folder/include/cuda_runtime_api.h" ]]; then
      echo "$folder/include"
      return
    fi
  done
  return 1
}

# check_sass.py reads machine code with these, which few toolkits have here: 6 MB of packages. Where
# they cannot be had it is skipped, and says so.
get_disassembler() {
  [[ -n "$(command -v nvcc)" && -z "${CUOBJDUMP:-}" && -z "$(command -v cuobjdump)" ]] || return 0
  [[ ! -d build/cuda-tools/nvidia ]] || return 0
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --target build/cuda-tools nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm ||
    echo "test: no cuobjdump from PyPI: check_sass will be skipped"
}

scripts/setup.sh || exit 1
get_disassembler

if [[ $emulated == no ]]; then
  note left emulated "out: --no-emulated"
elif headers="$(find_cuda_headers)"; then
  echo "CUDA headers in $headers"
  suite emulated
  suite emulated-tsan
else
  note left emulated "out: no cuda_runtime_api.h here, so the CUDA kernels are not tested"
fi
if [[ $sanitizers == yes ]]; then
  suite debug-asan
  suite tsan
fi
suite ci
step headers scripts/check_layering.py --headers --build build/ci
case "$tidy" in
  "") ;;
  changed) step tidy scripts/check_tidy.sh ;;
  *) step tidy scripts/check_tidy.sh --all ;;
esac

echo "== summary"
printf '%s\n' "${summary[@]}"
# The closing line of the main suite, as ctest wrote it, is the last thing said.
[[ ! -f build/ci/ctest.log ]] || grep -E '^[0-9]+% tests passed' build/ci/ctest.log | tail -n 1
exit "$failed"
