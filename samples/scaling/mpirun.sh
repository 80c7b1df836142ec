#!/bin/bash
# mpirun.sh HOSTS PROGRAM [ARGUMENTS]: Open MPI, one process on each of the hosts "a,b,c,d". Rank 0 is on the first.
set -euo pipefail
hosts=$1
shift
exec mpirun --host "$hosts" --map-by ppr:1:node -x MASTER_ADDR="${hosts%%,*}" -x MASTER_PORT="${MASTER_PORT:-29500}" "$@"
