#!/bin/bash
# What families cost on this machine.
#
#   measure_families.sh [FOLDER [PART...]]     JSON goes to FOLDER (figures); parts are bodies and steps (all)
#
# bodies: forward and backward of one block of each kind beside a Llama block, at 16 Ki tokens of rows of 1,024 (experts: 128 Ki): the
#         difference of two depths, so that embedding, head and ends count for nothing. "over products": its time over that of its products alone. "over
#         Llama": that figure over Llama's, which is its time over a Llama block of the same products.
# steps:  whole training steps of released shapes, random weights, exact states, 16 Ki tokens.
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"

if wanted bodies; then
  python3 family_shapes.py "$out"
  for shape in "$out"/shape-*-few.json; do
    name=${shape##*/shape-} name=${name%-few.json}
    for depth in few many; do
      ./horizon bench --device cuda:0 --json --purpose forward-backward --config "$out/shape-$name-$depth.json" --init-seed 1 \
        --seq-len 1024 --batch-size "$(<"$out/shape-$name.rows")" --sweeps 1 --activations keep --warm-up 1 --steps 3 \
        >"$out/body-$name-$depth.json" 2>"$out/body-$name-$depth.err" || { echo "$name: $(tail -1 "$out/body-$name-$depth.err")" && break; }
    done
  done
  python3 family_shapes.py "$out" --table
fi

if wanted steps; then
  for config in released/gemma-3-4b released/phi-4-mini released/olmo-3-7b released/qwen3.5-4b released/qwen3-8b; do
    bench "step-${config#*/}" --purpose train --config "$config.json" --init-seed 1 --seq-len 1024 --batch-size 16 --warm-up 1 --steps 3
  done
fi
