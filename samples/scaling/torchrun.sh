#!/bin/bash
# On every machine: torchrun.sh HOST NODES PROGRAM [ARGUMENTS]. HOST is one of the machines, the same everywhere.
set -euo pipefail
case "${1:---help}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit $(($# ? 0 : 2)) ;; esac
host=$1 nodes=$2
shift 2
exec torchrun --nnodes="$nodes" --nproc-per-node=1 --max-restarts=3 --rdzv-backend=c10d --rdzv-endpoint="$host:29500" \
  --rdzv-id="${RUN_ID:-horizonlm}" --no-python "$@"
