#!/bin/bash
# The figures of docs/performance.md, on this machine: forward and backward of a 7B model from host memory, and what bounds them.
#
#   measure.sh [FOLDER [PART...]]     logs and JSON go to FOLDER (figures); parts are 7b, widths, layers, kernels (all)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
source ./environment.sh
out=${1:-figures}
mkdir -p "$out"
parts=" ${*:2} "
[[ $# -ge 2 ]] || parts=" 7b widths layers kernels "
wanted() { [[ $parts == *" $1 "* ]]; }

bench() {  # NAME ARGUMENTS...
  local name=$1
  shift
  echo "== $name: horizon bench $*"
  ./horizon bench --device cuda:0 --purpose forward-backward --json "$@" >"$out/$name.json" 2>"$out/$name.err" || {
    cat "$out/$name.err"
    return
  }
  python3 - "$out/$name.json" <<'P'
import json, sys
f = json.load(open(sys.argv[1]))
idle = f["compute_stream"] or {"seconds": 0, "idle_seconds": 0, "idle": {}}
share = idle["idle_seconds"] / idle["seconds"] if idle["seconds"] else float("nan")
print(f"   step {f['step_seconds']:.3f} s (fastest {f['fastest_step_seconds']:.3f}), {f['tokens_per_second']:.0f} tokens/s, "
      f"6NT {f['six_nt_flops_per_second'] / 1e12:.0f}, with attention {f['model_flops_per_second'] / 1e12:.0f} TFLOP/s, "
      f"products alone {f['products_alone_seconds']:.3f} s ({f['products_alone_seconds'] / f['step_seconds']:.1%}), "
      f"idle {share:.1%} {({k: round(v, 4) for k, v in idle['idle'].items()})}, "
      f"up {f['up_bytes_per_second'] / 1e9:.1f} down {f['down_bytes_per_second'] / 1e9:.1f} GB/s, device {f['device_bytes'] / 2**30:.1f} GiB")
P
}

config() {  # LAYERS HIDDEN INTERMEDIATE HEADS KV_HEADS VOCAB
  cat >"$out/config.json" <<J
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": $1, "hidden_size": $2, "intermediate_size": $3,
 "num_attention_heads": $4, "num_key_value_heads": $5, "head_dim": 128, "vocab_size": $6, "max_position_embeddings": 131072,
 "rms_norm_eps": 1e-6, "rope_theta": 500000.0, "initializer_range": 0.02, "hidden_act": "silu", "tie_word_embeddings": false}
J
}

if wanted 7b; then
  bench 7b-16k --preset qwen2.5-7b --seq-len 1024 --batch-size 16 --warm-up 1 --steps 3
  bench 7b-128k --preset qwen2.5-7b --seq-len 1024 --batch-size 128 --warm-up 1 --steps 2
  bench 7b-8k-rows --preset qwen2.5-7b --seq-len 8192 --batch-size 4 --warm-up 1 --steps 2
  bench 7b-32k-rows --preset qwen2.5-7b --seq-len 32768 --batch-size 1 --warm-up 1 --steps 2
fi

if wanted widths; then
  echo "== widths at 32 Ki tokens, against their own products and attention"
  for shape in "16 2048 8192 16 8" "12 3072 8192 24 8" "12 4096 14336 32 8" "8 5120 13824 40 8" "4 8192 28672 64 8"; do
    config $shape 32000
    bench "width-$(cut -d' ' -f2 <<<"$shape")" --config "$out/config.json" --init-seed 1 --seq-len 1024 --batch-size 32 --warm-up 1 --steps 3
  done
fi

if wanted layers; then
  echo "== device memory, layers of the 7B width, recompute, block inputs on the host"
  for layers in 14 28 56; do
    config $layers 3584 18944 28 4 152064
    bench "layers-$layers" --config "$out/config.json" --init-seed 1 --seq-len 1024 --batch-size 16 --warm-up 1 --steps 1 \
      --activations recompute --block-inputs host
  done
fi
if wanted kernels; then
  echo "== own kernels against a copy"
  ./kernels_bench
fi
