#!/bin/bash
# Two processes of one GPU each, as if they were two machines, which exchange gradients and weights by NCCL: the bits are those of one
# process, and what it reaches. In a folder of the bundle, with the measuring bundle unpacked over it; needs libnccl.so.2.
#
#   two_processes.sh [FOLDER [PART...]]    logs go to FOLDER (figures); parts are tests, bits, speed (all)
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
verdict() {  # NAME STATUS
  if (($2 == 0)); then echo "ok      $1"; else
    failed=$((failed + 1))
    echo "FAILED  $1, see $out/$1*.log"
    tail -n 4 "$out/$1"*.log
  fi
}

if wanted tests; then
  HLM_REQUIRE_GPU=1 timeout 200 ./nccl_test >"$out/nccl_test.log" 2>&1
  verdict nccl_test $?
fi

# Both ranks of a run, each with the GPU of its number and a host name of its own, by which they count as two machines (it takes root); to
# NCCL they are one, so that it goes by the link between the GPUs. NAME OPTIONS...
port=21000
pair() {
  local name=$1 rank pids=() status=0
  shift
  port=$((port + 1))
  for rank in 0 1; do
    NCCL_HOSTID=one CUDA_VISIBLE_DEVICES=$rank timeout "${limit:-120}" unshare --uts sh -c 'hostname "$0" && exec "$@"' "rank-$rank" \
      ./horizon train --device cuda:0 --group-address 127.0.0.1:$port \
      --group-rank $rank --group-size 2 --group-timeout 100 "$@" >"$out/$name-$rank.log" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  return "$status"
}

curve() { sed -n 's/.*"step":\([0-9]*\),"loss":\([^,]*\),.*"grad_norm":\([^,]*\),.*/\1 \2 \3/p' "$1"; }

same() {  # COMPUTE: one process; two by NCCL, and by Gloo
  local compute=$1 carrier
  local run=(--preset tiny --init-seed 1 --data "$work/text.txt" --seq-len 256 --batch-size 16 --lr 1e-3 --steps 10 --sweeps 1
    --micro-batch 4 --reduction-groups 2 --compute "$compute")
  ./horizon train --device cuda:0 "${run[@]}" --log-json "$work/one" --out "$work/one-$compute" >"$out/bits-$compute-one.log" 2>&1 || return 1
  curve "$work/one" >"$work/one.curve"
  [[ -s $work/one.curve ]] || return 1
  for carrier in nccl gloo; do
    pair "bits-$compute-$carrier" "${run[@]}" --group-carrier $carrier --log-json "$work/$carrier" --out "$work/$carrier-$compute" || return 1
    cmp "$work/one.curve" <(curve "$work/$carrier") || return 1
    cmp "$work/one-$compute/model.safetensors" "$work/$carrier-$compute/model.safetensors" || return 1
  done
}

if wanted bits; then
  seq 1 60000 >"$work/text.txt"
  for compute in f32 bf16; do
    same $compute
    verdict "bits-$compute" $?
  done
fi

if wanted speed; then
  python3 - "$work/ids.npy" <<'P'
import sys
import numpy
numpy.save(sys.argv[1], numpy.random.default_rng(1).integers(0, 150000, (1024, 1024), dtype=numpy.int32))
P
  for carrier in nccl gloo; do
    limit=200 pair "speed-$carrier" --preset qwen2.5-7b --init-seed 1 --data "$work/ids.npy" --batch-size 256 --steps 3 \
      --lr 1e-5 --compute bf16 --group-carrier $carrier --log-json "$out/speed-$carrier.json"
    verdict "speed-$carrier" $?
    grep -o '"step":[0-9]*,\|"tokens_per_second":[0-9.]*\|"seconds":[0-9.]*' "$out/speed-$carrier.json" | tr '\n' ' '
    echo
  done
fi
echo "$failed failed"
((failed == 0))
