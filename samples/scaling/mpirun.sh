#!/bin/bash
# mpirun.sh HOSTS PROGRAM [ARGUMENTS]: Open MPI, one process on each of the hosts "a,b,c,d". Rank 0 is on the first. With
# HORIZON_LM_CARRIER=mpi arrays go by MPI as well; otherwise it only starts the processes.
set -euo pipefail
case "${1:---help}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit $(($# ? 0 : 2)) ;; esac
hosts=$1
shift
exec mpirun --host "$hosts" --map-by ppr:1:node -x MASTER_ADDR="${hosts%%,*}" -x MASTER_PORT="${MASTER_PORT:-29500}" \
  -x HORIZON_LM_CARRIER="${HORIZON_LM_CARRIER:-auto}" "$@"
