#!/bin/bash
# Two GPUs of one machine: the bits are those of one GPU with as many reduction groups, and what the second brings. In a folder of the
# bundle, with the measuring bundle unpacked over it.
#
#   two_gpus.sh [FOLDER [PART...]]    logs and JSON go to FOLDER (figures); parts are tests, bits, speed (all)
#
# HLM_TWO_GPUS names the GPUs (cuda:0,cuda:1), HLM_PRESET the shape whose speed is measured (qwen2.5-7b), HLM_ROWS the rows of 1,024 a
# GPU and step (16 64 128).
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
source "$(dirname "${BASH_SOURCE[0]}")/bench.sh"
two=${HLM_TWO_GPUS:-cuda:0,cuda:1}
one=${two%%,*}
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() {  # NAME COMMAND...
  local name=$1 began=$SECONDS
  shift
  if "$@" >"$out/$name.log" 2>&1; then
    echo "ok      $name ($((SECONDS - began)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED  $name ($((SECONDS - began)) s), see $out/$name.log"
    grep -E "^\[  FAILED|Failure|error|ERROR" "$out/$name.log" | head -n 15
  fi
}

if wanted tests; then
  export HLM_REQUIRE_GPU=1 HLM_TEST_DEVICE=$two
  for test in devices_test devices_losses_test devices_peers_test golden_test; do check "$test" timeout 900 "./$test"; done
  unset HLM_TEST_DEVICE
fi

train() {  # NAME STEPS OPTIONS...: the losses and norms of the run's log go to NAME
  local name=$1 steps=$2
  shift 2
  ./horizon train --preset tiny --init-seed 1 --data "$work/text.txt" --seq-len 256 --batch-size 16 --lr 1e-3 --steps "$steps" \
    --sweeps 1 --micro-batch 4 --reduction-groups 2 --log-json "$work/$name.json" "$@" >"$out/$name.log" 2>&1 || return 1
  sed -n 's/.*"step":\([0-9]*\),"loss":\([^,]*\),.*"grad_norm":\([^,]*\),.*/\1 \2 \3/p' "$work/$name.json" >"$work/$name"
  [[ -s $work/$name ]]
}

same() {  # COMPUTE: one GPU, two by each route, and a run that begins on two and goes on on one
  local compute=$1
  train "one-$compute" 10 --device "$one" --compute "$compute" || return 1
  for route in host peer; do
    train "two-$compute-$route" 10 --device "$two" --route "$route" --compute "$compute" || return 1
    cmp "$work/one-$compute" "$work/two-$compute-$route" || return 1
  done
  train "begun-$compute" 5 --device "$two" --compute "$compute" --checkpoint-dir "$work/begun-$compute" --save-every 5 || return 1
  cp "$work/begun-$compute.json" "$work/rest-$compute.json"
  train "rest-$compute" 10 --device "$one" --compute "$compute" --checkpoint-dir "$work/begun-$compute" --resume || return 1
  cmp "$work/one-$compute" "$work/rest-$compute"
}

if wanted bits; then
  seq 1 60000 >"$work/text.txt"
  for compute in f32 bf16; do check "bits-$compute" same "$compute"; done
fi

if wanted speed; then
  shape() { bench "$1" --preset "${HLM_PRESET:-qwen2.5-7b}" --seq-len 1024 --warm-up 1 "${@:2}"; }
  for rows in ${HLM_ROWS:-16 64 128}; do
    steps=$((rows == 16 ? 4 : 2))
    device=$one shape "one-${rows}k" --batch-size "$rows" --steps "$steps"
    for route in host peer; do
      device=$two shape "two-${rows}k-$route" --batch-size $((2 * rows)) --steps "$steps" --route "$route"
    done
    python3 - "$out" "$rows" <<'P'
import json, pathlib, sys
folder, rows = pathlib.Path(sys.argv[1]), sys.argv[2]
rate = {n: json.loads(f.read_text())["tokens_per_second"] for n in (f"one-{rows}k", f"two-{rows}k-host", f"two-{rows}k-peer")
        if (f := folder / f"{n}.json").exists() and f.stat().st_size > 0}
one = rate.pop(f"one-{rows}k", None)
for name, tokens in rate.items():
    print(f"== {name}: {tokens:.0f} tokens/s" + (f", {tokens / one:.3f} times one GPU" if one else ""))
P
  done
fi
echo "$failed failed"
((failed == 0))
