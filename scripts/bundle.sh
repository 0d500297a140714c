#!/usr/bin/env bash
# Packs what a GPU machine without network or compiler needs to run scripts/gpu_check.sh.
#
#   scripts/bundle.sh --build DIR [--out FILE]   DIR: a build with the CUDA engine, tests included
#   ... --without-cuda                           take a build without it, too (to test this script)
#   ... --folder DIR                             leave the bundle unpacked as DIR instead of FILE
#
# FILE (default dcgan-bundle.tar.xz) unpacks to dcgan-bundle/: the program (./dcgan runs it), the
# test programs and dcgan_bench_ops, the shared libraries but for NVIDIA's and the C library's
# (those of the machine, also in Python's packages: gpu_check.sh and ./dcgan find them),
# gpu_check.sh, the comparison with PyTorch, the PyTorch traces and MNIST's training images where
# they are found (DCGAN_SHARED or ../shared). Starts the unpacked program before it calls the bundle
# good. Exit: 0 packed, 1 not, 2 usage.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly most_bytes=$((63 * 1000 * 1000)) # 64 MiB may travel, the sources beside it included

build="" out="dcgan-bundle.tar.xz" folder="" cuda=required
while [[ $# -gt 0 ]]; do
  case "$1" in
    --build | --out | --folder)
      [[ $# -ge 2 ]] || { echo "bundle: $1 needs a path" >&2; exit 2; }
      case "$1" in
        --build) build="$2" ;;
        --out) out="$2" ;;
        --folder) folder="$2" ;;
      esac
      shift 2 ;;
    --without-cuda) cuda=optional; shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "bundle: unknown option $1 (scripts/bundle.sh --help)" >&2; exit 2 ;;
  esac
done
[[ -n $build ]] || { echo "bundle: --build DIR is needed" >&2; exit 2; }

die() { echo "bundle: $*" >&2; exit 1; }

command -v xz >/dev/null || [[ -n $folder ]] || die "no xz (Debian: xz-utils)"
[[ -x $build/dcgan ]] || die "no $build/dcgan"
[[ -f $build/tests/gpu_programs ]] || die "no $build/tests/gpu_programs: a build without tests"
engine="$("$build/dcgan" doctor | grep '^CUDA engine')"
if [[ $cuda == required ]] && { [[ $engine != *yes* ]] || [[ $engine == *emulated* ]]; }; then
  die "$build has no CUDA engine for a real GPU: $engine"
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
bundle="$work/dcgan-bundle"
mkdir -p "$bundle/build/tests" "$bundle/lib" "$bundle/scripts" "$bundle/shared/data" \
  "$bundle/benchmarks"
programs=("$build/dcgan")
while read -r program; do
  if [[ -x $build/tests/$program ]]; then
    programs+=("$build/tests/$program")
  else
    [[ $cuda == optional ]] || die "no $build/tests/$program"
  fi
done <"$build/tests/gpu_programs"
cp "$build/tests/gpu_programs" "$bundle/build/tests/"
[[ ! -x $build/dcgan_bench_ops ]] || programs+=("$build/dcgan_bench_ops")
for program in "${programs[@]}"; do
  strip -o "$bundle/build/${program#"$build"/}" "$program"
done

# name => path (address). The C library stays out: it must match the machine's loader.
readonly machines='^(lib(c|m|dl|rt|pthread|resolv)\.so|ld-linux|libcu|libnv|libnccl)'
for program in "${programs[@]}"; do ldd "$program"; done | awk '$2 == "=>" {print $1, $3}' |
  sort -u | while read -r name path; do
  [[ $name =~ $machines ]] && continue
  [[ -f $path ]] || die "$name is not found here"
  cp -L "$path" "$bundle/lib/$name"
done

cp "$root/scripts/gpu_check.sh" "$root/scripts/traces.txt" "$root/scripts/torch_networks.py" \
  "$bundle/scripts/"
for package in scripts/gpu_check benchmarks/peers; do
  mkdir "$bundle/$package"
  cp "$root/$package"/*.py "$bundle/$package/"
done
git -C "$root" rev-parse HEAD >"$bundle/REVISION"
for shared in "${DCGAN_SHARED:-}" "$root/../shared"; do
  [[ -n $shared && -d $shared/parity ]] || continue
  cp -rL "$shared/parity" "$bundle/shared/"
  [[ ! -d $shared/data/mnist ]] || cp -rL "$shared/data/mnist" "$bundle/shared/data/"
  break
done
[[ -d $bundle/shared/parity ]] ||
  echo "bundle: no PyTorch traces found: gpu_check.sh will skip them there (DCGAN_SHARED)" >&2
cat >"$bundle/dcgan" <<'END'
#!/usr/bin/env bash
# Starts the program with the libraries of this folder, and NVIDIA's of Python's packages.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
path="$(python3 -B "$here/scripts/gpu_check/libraries.py" "$here/build/dcgan" 2>/dev/null)" ||
  path="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
LD_LIBRARY_PATH="$path" exec "$here/build/dcgan" "$@"
END
chmod +x "$bundle/dcgan"

if [[ -n $folder ]]; then
  [[ ! -e $folder ]] || die "$folder exists"
  "$bundle/dcgan" doctor >"$work/doctor.txt" || die "the program does not start"
  mv "$bundle" "$folder"
  echo "wrote $folder; $folder/scripts/gpu_check.sh checks a GPU machine"
  exit 0
fi
tar -C "$work" -c dcgan-bundle | xz --lzma2=preset=6,dict=96MiB >"$work/bundle.tar.xz"
bytes="$(stat -c %s "$work/bundle.tar.xz")"
((bytes <= most_bytes)) || die "$bytes bytes are more than $most_bytes"
mkdir "$work/unpacked"
tar -C "$work/unpacked" -xJf "$work/bundle.tar.xz"
env -u DCGAN_SHARED "$work/unpacked/dcgan-bundle/dcgan" doctor >"$work/doctor.txt" ||
  die "the unpacked program does not start"
mv "$work/bundle.tar.xz" "$out"
echo "wrote $out ($bytes bytes); on the GPU machine: python3 -m tarfile -e, then dcgan-bundle/scripts/gpu_check.sh"
