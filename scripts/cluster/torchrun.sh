#!/usr/bin/env bash
# Trains on the GPUs of one or more machines with torchrun as the launcher, one rank a GPU. PyTorch
# only starts the processes. On every machine, with the same options:
#
#   NODES=2 GPUS=8 FIRST=node1 scripts/cluster/torchrun.sh --dataset folder --out runs/faces
#
# NODES [1], GPUS of a machine [8], FIRST: the first machine's name [localhost], PORT of torchrun on
# it [29400], RESTARTS after a failure [3]: each goes on from the last checkpoint. The options
# are those of `dcgan train`; --out must be on a disk that all machines share. DCGAN_PROGRAM: the
# program, if `dcgan` is not on the path. To stop, send SIGTERM or SIGINT, not SIGUSR1.
set -euo pipefail

exec torchrun --nnodes "${NODES:-1}" --nproc-per-node "${GPUS:-8}" \
  --rdzv-backend c10d --rdzv-endpoint "${FIRST:-localhost}:${PORT:-29400}" \
  --rdzv-id "${RUN_ID:-dcgan}" --max-restarts "${RESTARTS:-3}" \
  --no-python "${DCGAN_PROGRAM:-dcgan}" train --resume auto "$@"
