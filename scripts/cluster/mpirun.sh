#!/usr/bin/env bash
# Trains on several machines with Open MPI's mpirun as the launcher, one rank a GPU.
#
#   HOSTS=node1:8,node2:8 scripts/cluster/mpirun.sh --dataset folder --data faces/ --out runs/faces
#   HOSTS=localhost:2 scripts/cluster/mpirun.sh --device cpu --threads 1     # two ranks on the CPU
#
# HOSTS: machines and the ranks on each. The options are those of `dcgan train`; --out must be on a
# disk that all machines share. DCGAN_PROGRAM: the program, if `dcgan` is not on the path.
# To stop and save, send SIGUSR1 to mpirun, which passes it on and then exits with 75. After SIGTERM
# it kills the ranks a second later.
set -euo pipefail
: "${HOSTS:?names the machines and the ranks on each, as in node1:8,node2:8}"

# Not bound to one core, mpirun's default: a rank has threads that load data.
exec mpirun --host "$HOSTS" --bind-to none \
  "${DCGAN_PROGRAM:-dcgan}" train --resume auto "$@"
