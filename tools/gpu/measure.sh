#!/bin/bash
# The figures of docs/performance.md, on this machine: forward and backward of a 7B model from host memory, and what bounds them.
#
#   measure.sh [FOLDER [PART...]]     logs and JSON go to FOLDER (figures); parts are 7b, widths, layers, kernels (all)
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"

passes() { bench "$1" --purpose forward-backward "${@:2}"; }

config() {  # LAYERS HIDDEN INTERMEDIATE HEADS KV_HEADS VOCAB
  cat >"$out/config.json" <<J
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": $1, "hidden_size": $2, "intermediate_size": $3,
 "num_attention_heads": $4, "num_key_value_heads": $5, "head_dim": 128, "vocab_size": $6, "max_position_embeddings": 131072,
 "rms_norm_eps": 1e-6, "rope_theta": 500000.0, "initializer_range": 0.02, "hidden_act": "silu", "tie_word_embeddings": false}
J
}

if wanted 7b; then
  passes 7b-16k --preset qwen2.5-7b --seq-len 1024 --batch-size 16 --warm-up 1 --steps 3
  passes 7b-128k --preset qwen2.5-7b --seq-len 1024 --batch-size 128 --warm-up 1 --steps 2
  passes 7b-8k-rows --preset qwen2.5-7b --seq-len 8192 --batch-size 4 --warm-up 1 --steps 2
  passes 7b-32k-rows --preset qwen2.5-7b --seq-len 32768 --batch-size 1 --warm-up 1 --steps 2
fi

if wanted widths; then
  echo "== widths at 32 Ki tokens, against their own products and attention"
  for shape in "16 2048 8192 16 8" "12 3072 8192 24 8" "12 4096 14336 32 8" "8 5120 13824 40 8" "4 8192 28672 64 8"; do
    config $shape 32000
    passes "width-$(cut -d' ' -f2 <<<"$shape")" --config "$out/config.json" --init-seed 1 --seq-len 1024 --batch-size 32 --warm-up 1 --steps 3
  done
fi

if wanted layers; then
  echo "== device memory, layers of the 7B width, recompute, block inputs on the host"
  for layers in 14 28 56; do
    config $layers 3584 18944 28 4 152064
    passes "layers-$layers" --config "$out/config.json" --init-seed 1 --seq-len 1024 --batch-size 16 --warm-up 1 --steps 1 \
      --activations recompute --block-inputs host
  done
fi

if wanted kernels; then
  echo "== own kernels against a copy"
  ./kernels_bench
fi
