#!/bin/bash
# Two processes that mpirun has started, with MPI as the carrier of arrays: the curve and the model of one process. Without Open MPI
# nothing is tried.
set -euo pipefail
horizon=$(realpath "$1")
if ! command -v mpirun >/dev/null || ! mpirun --version | grep -q "Open MPI"; then
  echo "skipped: there is no mpirun of Open MPI (Debian's openmpi-bin)"
  exit 0
fi
work=${TEST_TMPDIR:-$(mktemp -d)}
cd "$work"
seq 1 20000 >text.txt

run() {  # NAME PREFIX...
  local name=$1
  shift
  "$@" "$horizon" train --preset tiny --init-seed 1 --data text.txt --seq-len 64 --batch-size 8 --lr 1e-3 --steps 4 --device cpu \
    --threads 1 --optimizer-threads 1 --compute f32 --reduction-groups 2 --micro-batch 2 --sweeps 1 --group-several-per-machine \
    --group-timeout 100 --log-json "$name.json" --out "$name" >"$name.log" 2>&1 || {
    cat "$name.log"
    return 1
  }
  sed -n 's/.*"step":\([0-9]*\),"loss":\([^,]*\),.*"grad_norm":\([^,]*\),.*/\1 \2 \3/p' "$name.json" >"$name.curve"
  [[ $(wc -l <"$name.curve") == 4 ]] || { echo "$name: no curve of four steps"; cat "$name.json"; return 1; }
}

# As root, on more processes than cores, whatever the host is called: a test's machine may be any.
launch=(timeout 300 mpirun --allow-run-as-root --oversubscribe -n 2)
run one env
run mpi "${launch[@]}" env HORIZON_LM_CARRIER=mpi
cmp one.curve mpi.curve
cmp one/model.safetensors mpi/model.safetensors
grep -q "2 processes" mpi.log || { echo "the run was not one of two processes"; cat mpi.log; exit 1; }

# MPICH's launcher, where it is there as well (Debian's mpich): then its library is taken, not Open MPI's.
if command -v mpiexec.hydra >/dev/null; then
  run mpich timeout 300 mpiexec.hydra -n 2 env HORIZON_LM_CARRIER=mpi MASTER_ADDR=127.0.0.1 MASTER_PORT=21878
  cmp one.curve mpich.curve
  cmp one/model.safetensors mpich/model.safetensors
  # One machine needs no address, also behind a script that does not give its process away.
  printf '#!/bin/sh\n"$@"\nexit $?\n' >wrapper.sh
  chmod +x wrapper.sh
  run wrapped timeout 300 mpiexec.hydra -n 2 ./wrapper.sh env HORIZON_LM_CARRIER=mpi
  cmp one.curve wrapped.curve
  grep -q "2 processes" mpich.log || { echo "the run under MPICH was not one of two processes"; cat mpich.log; exit 1; }
fi

# Without mpirun the two are no processes of one MPI.
stranger() {  # RANK
  "$horizon" train --preset tiny --data text.txt --seq-len 64 --batch-size 8 --steps 1 --device cpu --threads 1 --group-carrier mpi \
    --group-several-per-machine --group-timeout 30 --group-address 127.0.0.1:21877 --group-rank "$1" --group-size 2 >"rank$1.log" 2>&1
}
stranger 0 &
pid=$!
if stranger 1 || wait "$pid"; then
  echo "processes that mpirun has not started were joined by MPI"
  exit 1
fi
grep -q "start them by mpirun" rank1.log || { cat rank1.log; exit 1; }
