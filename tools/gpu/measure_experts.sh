#!/bin/bash
# What steps of mixtures of experts cost on this machine: all parameters trained, random weights, 128 Ki tokens of rows of 1,024, clipping.
#
#   measure_experts.sh [FOLDER [PART...]]     JSON goes to FOLDER (figures); parts are olmoe, gpt-oss-20b, qwen3-30b-a3b, gpt-oss-120b (all)
#
# OLMoE with exact states, the others with 8-bit moments: gpt-oss-20b takes some 170 GB of host memory, Qwen3-30B-A3B some 250. Of
# gpt-oss-120b as many layers of its real width and experts as HLM_LAYERS says (4, which take some 115 GB).
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"

step() {  # NAME CONFIG OPTIONS...
  bench "step-$1" --purpose train --config "$2" --init-seed 1 --seq-len 1024 --batch-size "${HLM_ROWS:-128}" --grad-clip 1 \
    --warm-up 1 --steps "${HLM_STEPS:-3}" "${@:3}"
}

# A released configuration with its first layers alone.
cut() {  # NAME LAYERS
  python3 - "released/$1.json" "$2" "$out/$1-$2-layers.json" <<'P'
import json, sys
config, layers = json.load(open(sys.argv[1])), int(sys.argv[2])
config["num_hidden_layers"] = layers
if "layer_types" in config:
    config["layer_types"] = config["layer_types"][:layers]
json.dump(config, open(sys.argv[3], "w"))
P
  echo "$out/$1-$2-layers.json"
}

if wanted olmoe; then step olmoe released/olmoe-1b-7b.json --states f32; fi
if wanted gpt-oss-20b; then step gpt-oss-20b released/gpt-oss-20b.json --states int8; fi
if wanted qwen3-30b-a3b; then step qwen3-30b-a3b released/qwen3-30b-a3b.json --states int8; fi
if wanted gpt-oss-120b; then step gpt-oss-120b "$(cut gpt-oss-120b "${HLM_LAYERS:-4}")" --states int8; fi
