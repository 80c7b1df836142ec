#!/bin/bash
# The tool that compares bits: two runs are the same, another seed's are not, and a comparison says so.
set -euo pipefail
bits=$1
library=$2
work=$(mktemp -d -p "$TEST_TMPDIR")
fail() { echo "FAILED: $1" >&2 && exit 1; }

run() { LD_LIBRARY_PATH=$(dirname "$library") "$bits" run --library "$library" "$@"; }
run --out "$work/one" --only llama3_rope_parameters/bf16/parts --kept "$work/kept"
run --out "$work/two" --only llama3_rope_parameters/bf16/parts --kept "$work/kept" --like "$work/one"
run --out "$work/writes" --only checkpoints/bf16_tied/kept --kept "$work/kept"
run --out "$work/reads" --only checkpoints/bf16_tied/kept --kept "$work/kept" --like "$work/writes"
"$bits" compare "$work/writes" "$work/reads" >"$work/same" || fail "what was kept is read otherwise: $(cat "$work/same")"
grep -q " weights [0-9a-f]\{16\}$" "$work/one" || fail "no weights: $(cat "$work/one")"
grep " error " "$work/one" && fail "cases with errors"
"$bits" compare "$work/one" "$work/two" >"$work/same" || fail "two runs differ: $(cat "$work/same")"

sed 's/ weights 0/ weights 1/; s/ weights [a-f1-9]/ weights 0/' "$work/one" >"$work/other"
if "$bits" compare "$work/one" "$work/other" >"$work/differs"; then fail "other weights are called the same"; fi
grep -q "^differs: options/llama3_rope_parameters/bf16/parts: weights$" "$work/differs" || fail "$(cat "$work/differs")"
sed '/ losses /d' "$work/one" >"$work/less"
if "$bits" compare "$work/one" "$work/less" >"$work/gone"; then fail "lines that are gone are called the same"; fi
"$bits" compare "$work/less" "$work/one" >"$work/new" || fail "new lines are called a difference"

# Where the numerics differ by a key that has a reason results may; by one in brackets they may not.
one='{"sweeps": 1, "hash": "a"}' two='{"sweeps": 2, "hash": "b"}' other='{"sweeps": 1, "hash": "b"}'
record() { printf 'case/x losses %s\ncase/x numerics %s\ncase/y losses 1\n' "$1" "$2"; }
record 1 "$one" >"$work/a" && record 2 "$two" >"$work/b" && record 2 "$other" >"$work/c"
reasons=tests/bits/reasons.txt
"$bits" compare "$work/a" "$work/b" --reasons $reasons >"$work/said" || fail "a reason does not count: $(cat "$work/said")"
grep -q "^numerics: sweeps differs in 1 cases: chosen by predicted time" "$work/said" || fail "$(cat "$work/said")"
grep -q "^differs with its numerics: case/x: losses" "$work/said" || fail "$(cat "$work/said")"
if "$bits" compare "$work/a" "$work/b" >"$work/said"; then fail "without reasons there is one"; fi
if "$bits" compare "$work/a" "$work/c" --reasons $reasons >"$work/said"; then fail "a hash explains a result"; fi

# A trainer's memory options change no bit; what they leave differs in nothing but the case's name.
run --out "$work/slots" --only options/qwen2_tied_wide/f32/slots
[[ $(sed -n 's/^[^ ]* weights //p' "$work/slots" | sort -u | wc -l) == 1 ]] || fail "slots change weights"
run --out "$work/experts" --only mixtures/mixtral/f32/
grep " error " "$work/experts" && fail "mixtures with errors"
[[ $(grep -E "/(whole|groups|routed) weights " "$work/experts" | cut -d' ' -f3 | sort -u | wc -l) == 1 ]] || fail "how experts go up changes weights"
[[ $(grep -E "/(whole|z|aux_step|aux_sequence) weights " "$work/experts" | cut -d' ' -f3 | sort -u | wc -l) == 4 ]] ||
  fail "terms of the routers' losses change nothing"
run --out "$work/lanes" --only options/qwen2_tied_wide/f32/devices2
grep " error " "$work/lanes" && fail "several devices with errors"
[[ $(grep -E "_(host|peer) weights " "$work/lanes" | grep -v groups4 | cut -d' ' -f3 | sort -u | wc -l) == 1 ]] ||
  fail "the way between devices changes weights"
run --out "$work/checkpoint" --only checkpoints/bf16_tied
grep " error " "$work/checkpoint" && fail "cases with errors"
[[ $(grep -cE "/(background|snapshot|at_once) (second|again)_weights " "$work/checkpoint") == 6 ]] || fail "$(cat "$work/checkpoint")"
[[ $(sed -nE 's/^[^ ]* (second|again)_weights //p' "$work/checkpoint" | sort -u | wc -l) == 1 ]] || fail "a run that goes on is another"
if run --out "$work/x" --library "$bits" 2>"$work/error"; then fail "another library is taken"; fi
grep -q "the library in use is" "$work/error" || fail "$(cat "$work/error")"
