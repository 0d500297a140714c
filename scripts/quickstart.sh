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
seconds=120                   # of training
train_options=(--dataset strokes --preset mnist32 --max-seconds "$seconds" --log-every 20)
samples="$out/samples.png"    # written at the end of the run
checkpoints="$out/checkpoints"
losses="$out/metrics.jsonl"   # one JSON object a log line
program=build/release/dcgan

is_whole_png() { # a PNG file ends in its IEND chunk; one cut short does not
  [[ -s "$1" && "$(tail -c 12 "$1" | od -An -v -tx1 | tr -d ' \n')" == 0000000049454e44ae426082 ]]
}

show_results() {
  echo
  echo "samples      $samples"
  echo "checkpoints  $checkpoints"
  echo "losses       $losses, which ends:"
  python3 - "$losses" <<'PYTHON'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    rows = [json.loads(line) for line in file][-5:]
names = ("step", "errD", "errG", "D_x", "D_G_z1", "D_G_z2", "images_per_second")
print("    " + "".join(f"{name:>12}" for name in names[:-1]) + "    images/s")
for row in rows:
    print("    " + f"{row['step']:12}" + "".join(f"{row[name]:12.4f}" for name in names[1:-1])
          + f"{row[names[-1]]:12.0f}")
PYTHON
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
