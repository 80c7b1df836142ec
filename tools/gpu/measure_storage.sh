#!/bin/bash
# What saving costs while training goes on, and how fast a model loads, on this machine.
#
#   measure_storage.sh FOLDER [PART...]     FOLDER: on the disk to measure, with 60 GB free; parts are save, stall, load (all)
#
# save: 1.5B shape, exact states, snapshot_bytes by the plan (all of the state): a run that saves against one that does not.
# stall: the same with a snapshot of a quarter of the state, against the stall that the plan predicts.
# load: a 7B model in bf16 (15 GB) against reads of the same files.
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
: "${1:?a folder on the disk to measure}"
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"
disk=$out
python3 -c "
import numpy
numpy.save('$disk/tokens.npy', numpy.random.default_rng(1).integers(0, 150000, 4 << 20, dtype=numpy.int32))"

# Steps by the clock that they were reported at: what a save takes between two steps counts as well.
train() {  # NAME ARGUMENTS...
  local name=$1
  shift
  ./horizon train --preset qwen2.5-1.5b --init-seed 1 --data "$disk/tokens.npy" --seq-len 1024 --batch-size 32 --steps 36 --lr 1e-6 \
    --device cuda:0 --json "$@" 2>"$disk/$name.log" | python3 -u -c "
import json, sys, time
times = []
for line in sys.stdin:
    times.append(time.monotonic())
json.dump([b - a for a, b in zip(times[3:], times[4:])], open('$disk/$name.seconds', 'w'))"
}
compare() {  # NAME
  python3 - "$disk" "$1" <<'P'
import json, sys
quiet, saving = (json.load(open(f"{sys.argv[1]}/{name}.seconds")) for name in ("quiet", sys.argv[2]))
mean = sum(quiet) / len(quiet)
print(f"without: {mean:.3f} s a step ({min(quiet):.3f} to {max(quiet):.3f}); with a save: {sum(saving) / len(saving):.3f}, "
      f"{sum(saving) / len(saving) / mean - 1:+.1%}; the save took {sum(saving) - mean * len(saving):.2f} s from {len(saving)} steps")
print("   " + " ".join(f"{s:.2f}" for s in saving))
P
  tail -n 2 "$disk/$1.log"
  rm -rf "$disk/checkpoints"
}

if wanted save || wanted stall; then
  echo "== saving in 36 steps of 32 Ki tokens, 1.5B shape"
  df -h "$disk" | tail -n 1
  train quiet --checkpoint-dir "$disk/checkpoints" --save-every 1000 --keep 1
  rm -rf "$disk/checkpoints"
fi
if wanted save; then
  train saving --checkpoint-dir "$disk/checkpoints" --save-every 20 --keep 1
  compare saving
fi
if wanted stall; then
  train stalling --checkpoint-dir "$disk/checkpoints" --save-every 20 --keep 1 --snapshot-bytes 5GiB
  compare stalling
  ./horizon plan --preset qwen2.5-1.5b --seq-len 1024 --batch-size 32 --device cuda:0 --checkpoint-dir "$disk/none" --snapshot-bytes 5GiB | grep -iA12 "saving"
fi

if wanted load; then
  echo "== a 7B model"
  # By transformers, on the GPU: drawing 7.6 billion numbers takes minutes elsewhere.
  python3 - "$disk/7b" <<'P' || exit 1
import sys, torch, transformers
config = transformers.Qwen2Config(vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_hidden_layers=28, num_attention_heads=28,
                                  num_key_value_heads=4, tie_word_embeddings=False, max_position_embeddings=32768)
torch.set_default_dtype(torch.bfloat16)
with torch.device("cuda"):
    model = transformers.Qwen2ForCausalLM(config)
model.save_pretrained(sys.argv[1], max_shard_size="4GB")
P
  ./load_bench "$disk/7b"
  rm -rf "$disk/7b"
fi
