#!/bin/bash
# Whole training steps from host memory on this machine: the optimizer alone, steps of a 7B and a 14B shape, and the largest models that
# fit 125 GiB.
#
#   measure_training.sh [FOLDER [PART...]]     JSON goes to FOLDER (figures); parts are optimizer 7b 7b-512k 14b largest (all)
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"

steps() { bench "$1" --purpose train "${@:2}"; }

steps_7b() {  # ROWS WARM STEPS [ARGUMENTS...]
  local rows=$1 warm=$2 steps=$3 name
  shift 3
  printf -v name '%s' "7b-${rows}k" "${@/#--/-}"
  steps "$name" --preset qwen2.5-7b --seq-len 1024 --batch-size "$rows" --warm-up "$warm" --steps "$steps" "$@"
}

if wanted optimizer; then
  echo "== the optimizer alone, 16 threads"
  ./optim_bench 268435456 "$(nproc)"
fi

for states in f32 bf16; do
  if wanted 7b; then
    steps_7b 16 1 3 --states $states
    steps_7b 40 1 3 --states $states
    steps_7b 128 1 3 --states $states
  fi
  if wanted 7b-512k; then steps_7b 512 1 3 --states $states; fi
done

if wanted 14b; then
  steps 14b-128k --preset qwen2.5-14b --seq-len 1024 --batch-size 128 --warm-up 1 --steps 3 --states int8 --grad-dtype bf16
fi

# One sweep, no clipping: gradients are consumed straight from the ring.
largest() {  # CONFIG ARGUMENTS...
  steps "largest-$1" --config "dense-$1.json" --init-seed 1 --seq-len 1024 --batch-size 8 --warm-up 0 --steps 10 --sweeps 1 --grad-clip 0 \
    --optimizer-timing backward "${@:2}"
}
if wanted largest; then
  largest 9b --states f32
  largest 18b --states int8
  largest 26b --states int8 --master none
fi
