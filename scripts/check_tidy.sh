#!/usr/bin/env bash
# Runs clang-tidy with the project's .clang-tidy; every finding is an error.
#
#   scripts/check_tidy.sh           the .cpp files that differ from main's merge base, or are new
#   scripts/check_tidy.sh --all     every .cpp file of the build
#   scripts/check_tidy.sh FILE...   these
#
# Reads the compile commands of build/ci (or of the folder in DCGAN_BUILD): configure that first.
# Exit: 0 clean, 1 findings, 77 no clang-tidy or no compile commands.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build="${DCGAN_BUILD:-build/ci}"
tool="${CLANG_TIDY:-clang-tidy}"
git=(git -c safe.directory='*')

if ! command -v "$tool" >/dev/null; then
  echo "check_tidy: no $tool here (apt-get install clang-tidy)" >&2
  exit 77
fi
if [[ ! -f "$build/compile_commands.json" ]]; then
  echo "check_tidy: no $build/compile_commands.json (cmake --preset ci)" >&2
  exit 77
fi

changed_files() {
  local base
  base="$("${git[@]}" merge-base HEAD main 2>/dev/null || echo HEAD)"
  "${git[@]}" diff --name-only --diff-filter=d "$base" -- '*.cpp'
  "${git[@]}" ls-files --others --exclude-standard -- '*.cpp'
}

case "${1:-}" in
  --all) mapfile -t wanted < <("${git[@]}" ls-files -- '*.cpp') ;;
  "") mapfile -t wanted < <(changed_files) ;;
  *) wanted=("$@") ;;
esac
# Only what this build compiles: a file of an engine that is off has no command.
files=()
for file in "${wanted[@]}"; do
  if grep -qF "\"file\": \"$PWD/$file\"" "$build/compile_commands.json"; then
    files+=("$file")
  else
    echo "check_tidy: $file is not part of $build, left out"
  fi
done
if ((${#files[@]} == 0)); then
  echo "check_tidy: nothing to check"
  exit 0
fi
# oneDNN's and OpenMP's flags of g++ mean nothing to clang: say nothing of those it does not know.
if ! printf '%s\0' "${files[@]}" | nice -n 5 xargs -0 -n 1 -P "$(nproc)" \
  "$tool" --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option; then
  echo "check_tidy: findings above" >&2
  exit 1
fi
echo "check_tidy: ${#files[@]} files are clean"
