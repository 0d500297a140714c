#!/usr/bin/env bash
# Fails when a C++ or CUDA file is not as .clang-format has it.
#
#   scripts/check_format.sh            every file that git tracks
#   scripts/check_format.sh FILE...    these
#   scripts/check_format.sh --fix      rewrites the tracked files
#
# Exit: 0 well formed, 1 not, 77 no clang-format 14 (versions differ in what they want).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_tool() {
  local name
  for name in "${CLANG_FORMAT:-}" clang-format-14 clang-format; do
    if [[ -n "$name" ]] && command -v "$name" >/dev/null &&
      "$name" --version | grep -q 'version 14\.'; then
      echo "$name"
      return
    fi
  done
  echo "check_format: clang-format 14 is not here (apt-get install clang-format-14)" >&2
  exit 77
}

tool="$(find_tool)"
fix=no
if [[ "${1:-}" == --fix ]]; then
  fix=yes
  shift
fi
files=("$@")
if ((${#files[@]} == 0)); then
  # A file that is tracked but deleted in the working tree is nothing to check.
  mapfile -t files < <(git -c safe.directory='*' ls-files --cached \
    '*.h' '*.hpp' '*.cpp' '*.c' '*.cu' '*.cuh' |
    while read -r file; do [[ ! -e $file ]] || echo "$file"; done)
fi
if ((${#files[@]} == 0)); then
  echo "check_format: no C++ file found; this is not a checkout of the project" >&2
  exit 1
fi
if [[ "$fix" == yes ]]; then
  "$tool" --style=file -i "${files[@]}"
elif ! findings="$("$tool" --style=file --dry-run --Werror "${files[@]}" 2>&1)"; then
  # One line a place; the tool's own three lines for each say no more.
  places="$(sed -nE 's/^([^ ].*): error: .*/\1: clang-format wants otherwise/p' <<<"$findings")"
  echo "${places:-$findings}"
  echo "check_format: run scripts/check_format.sh --fix" >&2
  exit 1
fi
echo "check_format: ${#files[@]} files are as .clang-format has them"
