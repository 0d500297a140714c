#!/usr/bin/env bash
# torchrun as the launcher: it starts and restarts the ranks, PyTorch itself is not used.
#
#   scripts/cluster/torchrun.sh                      every GPU of this machine
#   NODES=2 HEAD=node-a scripts/cluster/torchrun.sh  on each of two machines
set -euo pipefail

rendezvous=(--standalone)
if ((${NODES:-1} > 1)); then
  rendezvous=(--nnodes "$NODES" --rdzv-backend c10d --rdzv-endpoint "${HEAD:?the first machine}:29400"
              --rdzv-id "${RUN:-dcgan}")
fi
exec torchrun "${rendezvous[@]}" --nproc-per-node "${RANKS:-gpu}" --max-restarts 3 --no-python \
  dcgan train --dataset folder --data "${DATA:-faces/}" --flip --out "${OUT:-runs/faces}" --resume auto
