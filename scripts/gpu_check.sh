#!/usr/bin/env bash
# Checks the engine on a machine with a GPU in one go, in about ten minutes. Needs no network.
#
#   scripts/gpu_check.sh                  builds into build/gpu-check, or uses build/ of a bundle
#   scripts/gpu_check.sh --build DIR      uses this build (DIR/dcgan, DIR/tests/test_*)
#   scripts/gpu_check.sh --out DIR        where results go (default: gpu-check)
#   scripts/gpu_check.sh --rehearse       a small run on an emulated build, given with --build: what
#                                         needs a GPU is shown as skipped
#
# Runs doctor, every PyTorch trace in three precisions, a short training, the benchmarks, the GPU's
# tests and, where it is installed, compute-sanitizer in what is left of the time; with
# DCGAN_TORCH_PYTHON, a Python that has PyTorch, also one round of benchmarks/peers/compare.py, up to
# 25 minutes more. Goes on after a failure. DIR receives result.json (machine, versions, revision,
# each step), the benchmarks' JSON, the logs, and pictures. The traces and MNIST are looked for in
# DCGAN_SHARED, shared/ and ../shared. Exit: 0 all passed or were skipped, 1 something failed, 2 usage.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

build="" out="gpu-check" rehearse=no
while [[ $# -gt 0 ]]; do
  case "$1" in
    --build | --out)
      [[ $# -ge 2 ]] || { echo "gpu_check: $1 needs a folder" >&2; exit 2; }
      if [[ $1 == --build ]]; then build="$2"; else out="$2"; fi
      shift 2 ;;
    --rehearse) rehearse=yes; shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "gpu_check: unknown option $1 (scripts/gpu_check.sh --help)" >&2; exit 2 ;;
  esac
done
if [[ $rehearse == yes && -z $build ]]; then
  echo "gpu_check: --rehearse needs --build DIR, an emulated build" >&2
  exit 2
fi
if ! mkdir -p "$out"; then exit 2; fi
out="$(cd "$out" && pwd)"
if [[ -n $build ]]; then build="$(cd "$build" && pwd)" || exit 2; fi
cd "$root" || exit 2
for folder in "${DCGAN_SHARED:-}" "$root/shared" "$root/../shared"; do
  [[ -n $folder && -d $folder/parity ]] && { export DCGAN_SHARED="$folder"; break; }
done
shared="${DCGAN_SHARED:-$root/shared}"
# A bundle carries its libraries.
[[ ! -d $root/lib ]] || export LD_LIBRARY_PATH="$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

# Bounds of float32 on a GPU: sums of another order, and division and square root in Adam that
# magnify them; a wrong program is further off by a factor of a hundred.
fp32_bounds=(--bound 1e-4 --gradient-bound 1e-3)
budget_s=600 names=() outcomes=() times=() details=() failed=0

note() { # note NAME OUTCOME SECONDS DETAIL
  names+=("$1") outcomes+=("$2") times+=("$3") details+=("$4")
  [[ $2 != FAILED ]] || failed=1
  printf '%-28s %-8s %5ss  %s\n' "$1" "$2" "$3" "$4"
}

step() { # step NAME LIMIT_S COMMAND...: no longer than the limit and what is left of the budget
  local name="$1" limit="$2" start=$SECONDS status=0 left=$((budget_s - SECONDS))
  shift 2
  if ((left < 5)); then
    note "$name" FAILED 0 "no time left of $budget_s s"
    return 1
  fi
  timeout --kill-after=10 $((limit < left ? limit : left)) "$@" >"$out/$name.log" 2>&1 || status=$?
  case $status in
    0) note "$name" passed $((SECONDS - start)) "" ;;
    124 | 137) note "$name" FAILED $((SECONDS - start)) "stopped after its time; see $name.log" ;;
    *) note "$name" FAILED $((SECONDS - start)) "exit $status: $(tail -n 1 "$out/$name.log")" ;;
  esac
  return $status
}

skip() { note "$1" skipped 0 "$2"; }

find_build() {
  if [[ -z $build && -x $root/build/dcgan ]]; then
    build="$root/build"
  elif [[ -z $build ]]; then
    build="$root/build/gpu-check"
    local architecture
    architecture="$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
      head -n 1 | tr -d .)"
    budget_s=$((budget_s + 900)) # building is not checking
    step configure 120 cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DDCGAN_CUDA=on \
      -DDCGAN_CUDA_ARCHITECTURES="${architecture:-90}" &&
      step build 900 cmake --build "$build" --parallel
  fi
  [[ -x $build/dcgan ]] && return
  note program FAILED 0 "no $build/dcgan"
  finish
}

# shellcheck disable=SC2317  # called by step through bash -c
doctor() { # passes when a GPU is usable
  "$build/dcgan" doctor | tee "$out/doctor.txt"
  grep -Eq '^GPU [0-9]+ ' "$out/doctor.txt"
}

run_tests() {
  local program programs
  if [[ ! -f $build/tests/gpu_programs ]]; then
    note tests FAILED 0 "no $build/tests/gpu_programs: a build without tests"
    return
  fi
  mapfile -t programs <"$build/tests/gpu_programs"
  for program in "${programs[@]}"; do
    if [[ $rehearse == yes ]]; then
      skip "$program" "a ctest of the emulated build"
    elif [[ ! -x $build/tests/$program ]]; then
      note "$program" FAILED 0 "no $build/tests/$program"
    else
      step "$program" 180 "$build/tests/$program"
    fi
  done
}

run_sanitizer() {
  local tool
  for tool in memcheck racecheck synccheck; do
    if [[ $rehearse == yes ]] || ! command -v compute-sanitizer >/dev/null; then
      skip "$tool" "compute-sanitizer: needs a GPU and the toolkit's program"
    else
      step "$tool" 100 compute-sanitizer --tool "$tool" --error-exitcode 1 \
        "$build/tests/test_kernels"
    fi
  done
}

trace() { # trace NAME PRECISION FILE OPTION...
  local name="$1" precision="$2" file="$3" bounds=()
  shift 3
  [[ $precision != fp32 ]] || bounds=("${fp32_bounds[@]}")
  step "trace_${name}_$precision" 60 "$build/dcgan" verify --device cuda --tune off --precision \
    "$precision" --trace "$shared/parity/$file.safetensors" --nz 16 --ngf 8 --ndf 8 "${bounds[@]}" \
    "$@"
}

run_traces() {
  local precision name file options
  if [[ ! -d $shared/parity ]]; then
    skip traces "no folder parity in $shared"
    return
  fi
  for precision in fp32 tf32 bf16; do
    while read -r name file options; do
      [[ $rehearse == no || $name == dc28 || $name == hinge ]] || continue
      # shellcheck disable=SC2086  # options are words
      trace "$name" "$precision" "$file" $options
    done < <(grep -v '^#' scripts/traces.txt)
  done
}

run_training() {
  local data=(--dataset strokes) size=(--steps 600 --batch-size 64)
  [[ ! -d $shared/data/mnist ]] || data=(--dataset mnist --data "$shared/data/mnist")
  if [[ $rehearse == yes ]]; then
    data=(--dataset strokes --strokes-count 32)
    size=(--steps 3 --batch-size 4 --ngf 4 --ndf 4 --nz 8 --sample-count 4)
  fi
  rm -rf "$out/training"
  step train 120 "$build/dcgan" train --device cuda --preset mnist32 --precision bf16 --log-every 50 \
    "${data[@]}" "${size[@]}" --out "$out/training" &&
    cp "$out/training/samples.png" "$out/training/real.png" "$out/" &&
    step sample 60 "$build/dcgan" sample --device cuda --checkpoint "$out/training" --n 16 \
      --out "$out/again.png"
}

measure() { # measure NAME LIMIT_S PROGRAM ARGUMENT...: a step whose output is NAME.json
  # shellcheck disable=SC2016  # expanded by the inner shell
  step "$1" "$2" bash -c '"$@" >"$0"' "$out/$1.json" "${@:3}"
}

run_bench() {
  local precision
  for precision in fp32 tf32 bf16; do
    if [[ $rehearse == yes ]]; then
      skip "bench_$precision" "times mean something on a GPU only"
    else
      measure "bench_$precision" 90 "$build/dcgan" bench --device cuda --preset pytorch \
        --batch-size 128 --precision "$precision" --json
    fi
  done
  if [[ $rehearse == yes ]]; then
    skip bench_ops "a ctest of the emulated build"
  elif [[ ! -x $build/dcgan_bench_ops ]]; then
    skip bench_ops "this build has no dcgan_bench_ops"
  else
    measure bench_ops 180 "$build/dcgan_bench_ops" --device cuda --batches 128 --json
  fi
}

run_peers() {
  local python="${DCGAN_TORCH_PYTHON:-}"
  if [[ -z $python ]]; then
    skip peers "DCGAN_TORCH_PYTHON names no Python that has PyTorch"
  elif [[ ! -f $root/benchmarks/peers/compare.py ]]; then
    skip peers "no benchmarks/peers here: a bundle carries none"
  elif [[ $rehearse == yes ]]; then
    skip peers "times mean something on a GPU only"
  else
    budget_s=$((budget_s + 1500)) # PyTorch compiles for minutes before it measures
    step peers 1500 "$python" benchmarks/peers/compare.py --device cuda --batch 128 --rounds 1 \
      --ours "'$build/dcgan' bench --device cuda --preset {preset} --image-size {image_size} \
        --channels {channels} --batch-size {batch} --precision {precision} --json" \
      --json "$out/peers.json"
  fi
}

text() { # a JSON string
  local value="${1//\\/\\\\}"
  value="${value//\"/\\\"}"
  printf '"%s"' "$(tr '\000-\037' ' ' <<<"$value" | sed 's/ *$//')"
}

query() { nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -n 1; }

finish() {
  local revision i comma="," passed=true
  revision="$(cat "$root/REVISION" 2>/dev/null || git -C "$root" rev-parse HEAD 2>/dev/null)"
  ((failed == 0)) || passed=false
  {
    printf '{\n  "gpu": %s,\n  "driver": %s,\n' "$(text "$(query name)")" \
      "$(text "$(query driver_version)")"
    printf '  "program": %s,\n  "revision": %s,\n' \
      "$(text "$("$build/dcgan" --version 2>/dev/null)")" "$(text "$revision")"
    printf '  "doctor": %s,\n' "$(text "$(paste -sd';' "$out/doctor.txt" 2>/dev/null)")"
    printf '  "rehearsal": %s,\n  "passed": %s,\n  "seconds": %s,\n  "steps": [\n' \
      "$([[ $rehearse == yes ]] && echo true || echo false)" "$passed" "$SECONDS"
    for i in "${!names[@]}"; do
      ((i + 1 < ${#names[@]})) || comma=""
      printf '    {"name": %s, "outcome": %s, "seconds": %s, "detail": %s}%s\n' \
        "$(text "${names[i]}")" "$(text "${outcomes[i]}")" "${times[i]}" "$(text "${details[i]}")" \
        "$comma"
    done
    printf '  ]\n}\n'
  } >"$out/result.json"
  echo "== summary ($SECONDS s, results in $out)"
  for i in "${!names[@]}"; do
    printf '%-8s %-28s %s\n' "${outcomes[i]}" "${names[i]}" "${details[i]}"
  done
  echo "gpu check: $([[ $passed == true ]] && echo passed || echo FAILED)"
  exit "$failed"
}

find_build
if [[ $rehearse == yes ]]; then
  skip gpu "a rehearsal: no GPU is used"
else
  step gpu 30 nvidia-smi
fi
export -f doctor
export build out
step doctor 60 bash -c doctor
run_traces
run_training
run_bench
run_tests
run_sanitizer
run_peers
finish
