#!/bin/bash
# What steps of mixtures of experts cost on this machine: all parameters trained, random weights, 128 Ki tokens of rows of 1,024, clipping.
#
#   measure_experts.sh [FOLDER [PART...]]     JSON goes to FOLDER (figures); parts are olmoe, gpt-oss-20b, qwen3-30b-a3b (all)
#
# OLMoE with exact states, the others with 8-bit moments: gpt-oss-20b takes some 170 GB of host memory, Qwen3-30B-A3B some 250.
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"

step() {  # NAME CONFIG OPTIONS...
  bench "step-$1" --purpose train --config "released/$2.json" --init-seed 1 --seq-len 1024 --batch-size "${HLM_ROWS:-128}" --grad-clip 1 \
    --warm-up 1 --steps "${HLM_STEPS:-3}" "${@:3}"
}

if wanted olmoe; then step olmoe olmoe-1b-7b --states f32; fi
if wanted gpt-oss-20b; then step gpt-oss-20b gpt-oss-20b --states int8; fi
if wanted qwen3-30b-a3b; then step qwen3-30b-a3b qwen3-30b-a3b --states int8; fi
