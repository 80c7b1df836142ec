#!/bin/bash
# A checkpoint that was written beside training on a device goes on there bit for bit, and on the CPU device within rounding, where that
# is allowed; else it is refused by name.
#
#   check_resume.sh [DEVICE [OTHER...]]     default: cuda:0, and cpu; OTHER may be followed by options of its own
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")"
[[ ! -f environment.sh ]] || source ./environment.sh
horizon=${HORIZON_BINARY:-./horizon}
device=${1:-cuda:0}
other=("${@:2}")
((${#other[@]} > 0)) || other=(cpu)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*"
  exit 1
}

seq 1 30000 >"$work/text.txt"
train() {  # NAME STEPS DEVICE [OPTIONS...]: the losses of the run's log, a line "step loss" each, go to NAME
  local name=$1 steps=$2
  shift 2
  "$horizon" train --preset tiny --init-seed 1 --data "$work/text.txt" --seq-len 64 --batch-size 4 --lr 1e-3 --steps "$steps" \
    --log-json "$work/$name.json" --device "$@" >"$work/$name.out" 2>&1 || return 1
  sed -n 's/.*"step":\([0-9]*\),"loss":\([^,]*\),.*/\1 \2/p' "$work/$name.json" >"$work/$name"
}

train whole 12 "$device" || fail "$(cat "$work/whole.out")"
train begun 6 "$device" --checkpoint-dir "$work/here" --save-every 3 || fail "$(cat "$work/begun.out")"
cp -r "$work/here" "$work/there"
for name in again elsewhere; do cp "$work/begun.json" "$work/$name.json"; done

train again 12 "$device" --checkpoint-dir "$work/here" --resume || fail "$(cat "$work/again.out")"
cmp "$work/whole" "$work/again" || fail "the resumed run's losses are not the unbroken run's"

if train refused 12 "${other[@]}" --checkpoint-dir "$work/there" --resume; then fail "another device went on without --allow-numerics-change"; fi
grep -q numerics "$work/refused.out" || fail "$(cat "$work/refused.out")"
train elsewhere 12 "${other[@]}" --checkpoint-dir "$work/there" --resume --allow-numerics-change || fail "$(cat "$work/elsewhere.out")"
paste -d' ' "$work/whole" "$work/elsewhere" | awk '
  $1 != $3 { print "steps differ: " $0; bad = 1 }
  { d = ($4 - $2) / $2; if (d < 0) d = -d; if (d > most) most = d }
  END { printf "%d steps; resumed on another device the losses differ by at most %.2g of themselves\n", NR, most; exit bad || NR != 12 || most > 0.01 }' ||
  fail "the losses on another device are others"
