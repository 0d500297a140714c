#!/usr/bin/env bash
# From a fresh checkout to pictures from a trained DCGAN, in under ten minutes on two cores.
#
#   scripts/quickstart.sh [OPTION OF dcgan train]...
#
# Sets up, builds the program alone (preset `release`), trains a 32-pixel DCGAN on drawn strokes
# (made here: nothing is downloaded) and says where the results are. What is already done is not
# done again. DCGAN_QUICKSTART_OUT names another folder than out/quickstart.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out="${DCGAN_QUICKSTART_OUT:-out/quickstart}"
train_options=(--dataset strokes --preset mnist32 --steps 600)  # about two minutes on two cores
samples="$out/samples.png"    # written at the end of the run
checkpoints="$out/checkpoints"
losses="$out/losses.csv"      # one row a log line: step, losses, D(x), D(G(z))
program=build/release/dcgan

is_whole_png() { # a PNG file ends in its IEND chunk; one cut short does not
  [[ -s "$1" && "$(tail -c 12 "$1" | od -An -v -tx1 | tr -d ' \n')" == 0000000049454e44ae426082 ]]
}

show_results() {
  echo
  echo "samples      $samples"
  echo "checkpoints  $checkpoints"
  echo "losses       $losses, which ends:"
  (head -n 1 "$losses" && tail -n +2 "$losses" | tail -n 5) | sed 's/^/    /'
}

if is_whole_png "$samples"; then
  echo "quickstart: this run is complete; to begin anew: rm -r $out && scripts/quickstart.sh"
  show_results
  exit 0
fi

start=$SECONDS
scripts/setup.sh
cmake --preset release
cmake --build --preset release --target dcgan
echo "quickstart: set-up and build took $((SECONDS - start)) s"

start=$SECONDS
mkdir -p "$out"
"$program" train "${train_options[@]}" --out "$out" "$@"
echo "quickstart: training took $((SECONDS - start)) s"
if ! is_whole_png "$samples"; then
  echo "quickstart: training ended without a whole $samples" >&2
  exit 70
fi
show_results
echo
echo "next: $program train --help, $program sample --help"
