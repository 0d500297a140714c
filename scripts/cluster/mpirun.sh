#!/usr/bin/env bash
# CPU ranks by Open MPI, one core each. `kill -USR1` of mpirun saves and stops.
#
#   RANKS=16 scripts/cluster/mpirun.sh
#   RANKS=64 HOSTS=node-a:32,node-b:32 scripts/cluster/mpirun.sh
set -euo pipefail

exec mpirun -n "${RANKS:-4}" ${HOSTS:+--host "$HOSTS"} --bind-to core -x OMP_NUM_THREADS=1 \
  dcgan train --device cpu --preset mnist32 --batch-size 16 --out "${OUT:-runs/digits}" --resume auto
