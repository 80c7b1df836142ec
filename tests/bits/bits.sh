#!/bin/bash
# Do two builds of the library compute the same bits?
#
#   bits.sh run FOLDER OUT [options of `bits run`] [--small]   FOLDER: libhorizonlm.so and horizon (and libhorizonlm_cuda.so)
#   bits.sh compare BEFORE AFTER
#
# A run writes a sorted text file of hashes; see README.md. --small leaves out the model of half a billion parameters.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bits=${BITS:-$here/bits}
[[ -x $bits ]] || bits=$here/../../bazel-bin/tests/bits/bits
goldens=$here/tests/golden/data  # as a bundle has them
[[ -d $goldens ]] || goldens=$here/../golden/data
export HLM_GOLDENS=${HLM_GOLDENS:-$goldens}

if [[ ${1-} == compare && $# == 3 ]]; then
  exec "$bits" compare "$2" "$3" --reasons "$here/reasons.txt"
elif [[ ${1-} != run || $# -lt 3 ]]; then
  sed -n '2,7s/^# \?//p' "$0" >&2
  exit 2
fi
folder=$(cd "$2" && pwd)
out=$3
shift 3
options=() device=cpu only= large=1
while (($# > 0)); do
  case $1 in
    --small) large=0 && shift && continue ;;
    --device) device=$2 ;;
    --only) only=$2 ;;
  esac
  options+=("$1" "$2") && shift 2
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}  # threads that spin are slow on a busy machine
export LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
"$bits" run --out "$work/record" --library "$folder/libhorizonlm.so" "${options[@]}"

# Trains with the command: NAME, a folder for checkpoints, then its options. Losses and norms by its log, weights by the folder it leaves,
# the plan's numerics by its checkpoint.
train() {
  local name=command/$1 checkpoints=$2
  shift 2
  [[ $name == *"$only"* ]] || return 0
  rm -rf "$work/run" && mkdir "$work/run"
  if ! "$folder/horizon" train --device "$device" --threads 2 --optimizer-threads 2 --seed 3 --init-seed 7 \
    --log-json "$work/run/log" --out "$work/run/out" --checkpoint-dir "$checkpoints" "$@" >"$work/run/output" 2>&1; then
    echo "$name error $(tail -n 1 "$work/run/output")" >>"$work/record"
    return 0
  fi
  local key
  for key in loss grad_norm eval_loss; do
    grep -o "\"$key\": *[^,}]*" "$work/run/log" >"$work/values" || continue
    echo "$name $key $(sha256sum <"$work/values" | cut -c1-16)" >>"$work/record"
  done
  echo "$name weights $(cat "$work"/run/out/*.safetensors | sha256sum | cut -c1-16)" >>"$work/record"
  echo "$name numerics $(python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))["numerics"]))' \
    "$(printf '%s\n' "$checkpoints"/step-*/manifest.json | tail -n 1)")" >>"$work/record"
}

mkdir "$work/data"
for ((i = 0; i < 400; i++)); do echo "line $i of what is learned here, $((i * i % 97)) and $((i * 7 % 31))"; done >"$work/data/text.txt"
words='"<unk>": 0, "</s>": 1, "How": 2, "much": 3, "is": 4, "and": 5, "It": 6, "Nobody": 7, "knows": 8, "?": 9, ".": 10'
for ((i = 0; i < 80; i++)); do words+=", \"$i\": $((11 + i))"; done
printf '%s' '{"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {' \
  "$words" '}}, "added_tokens": [{"id": 1, "content": "</s>", "special": true}]}' >"$work/data/tokenizer.json"
echo '{"eos_token": "</s>"}' >"$work/data/tokenizer_config.json"
for ((i = 0; i < 40; i++)); do
  echo "{\"prompt\": \"How much is $i and $i ? \", \"chosen\": \"It is $((i + i)) .\", \"rejected\": \"Nobody knows $((i % 7)) .\"}"
done >"$work/data/pairs.jsonl"
tiny=(--preset tiny --batch-size 4 --seq-len 64 --micro-batch 2 --sweeps 1 --head-chunk 64 --lr 1e-3)
for compute in f32 bf16; do
  kept=$work/kept-$compute && mkdir "$kept"
  train "tiny/$compute" "$kept/tiny" "${tiny[@]}" --compute $compute --data "$work/data/text.txt" --steps 6 \
    --eval-data "$work/data/text.txt"
  train "tiny_in_backward/$compute" "$kept/in_backward" "${tiny[@]}" --compute $compute --data "$work/data/text.txt" --steps 4 \
    --grad-clip 0 --optimizer-timing backward
  train "tiny_resumed/$compute" "$kept/resumed" "${tiny[@]}" --compute $compute --data "$work/data/text.txt" --steps 3
  train "tiny_goes_on/$compute" "$kept/resumed" "${tiny[@]}" --compute $compute --data "$work/data/text.txt" --steps 6 \
    --resume
  train "tiny_dpo/$compute" "$kept/dpo" "${tiny[@]}" --compute $compute --task dpo --data "$work/data/pairs.jsonl" --steps 4 \
    --tokenizer "$work/data/tokenizer.json"
done
if ((large)); then
  train qwen2.5-0.5b/bf16 "$work/kept-half" --preset qwen2.5-0.5b --compute bf16 --batch-size 2 --seq-len 16 --micro-batch 1 --sweeps 1 \
    --head-chunk 16 --data "$work/data/text.txt" --steps 2
fi
LC_ALL=C sort "$work/record" >"$out"
