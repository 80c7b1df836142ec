#!/bin/bash
# From a model drawn from a seed to one that answers, in one command and without Python: a short pretraining on English text, SFT on
# samples/data/instructions.jsonl, DPO on samples/data/preferences.jsonl. Shows by figures on held-out data, before and after, that SFT
# raised the log-probability of answers and that DPO widened the margin between chosen and rejected ones. The model (0.9 M parameters,
# samples/posttraining/config.json, a tokenizer of 1,024 tokens) is small enough for 2 cores and a few minutes.
#
#   samples/posttraining.sh [OUTPUT_FOLDER]     default: ./posttraining-out; an earlier run's files in it are replaced
#
# HORIZON_BINARY is the `horizon` command (default: it is set up and built), HORIZON_POSTTRAINING_TEXT the text of the pretraining (default:
# the King James Bible of Debian's package bible-kjv), and HORIZON_POSTTRAINING_STEPS, _SFT_EPOCHS and _DPO_EPOCHS (300, 12, 6) how long
# each part is.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac

readonly ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export HOME="${HOME:-/tmp}"
readonly CACHE="${HORIZON_LM_CACHE:-$HOME/.cache/horizon-lm}/bazel"
readonly STEPS="${HORIZON_POSTTRAINING_STEPS:-300}"
readonly SFT_EPOCHS="${HORIZON_POSTTRAINING_SFT_EPOCHS:-12}"
readonly DPO_EPOCHS="${HORIZON_POSTTRAINING_DPO_EPOCHS:-6}"
readonly FILES="$ROOT/samples/posttraining"
readonly SEQ_LEN=256
# A model this small gains little from a second thread, and loses much where others want the processor too.
readonly MACHINE=(--compute f32 --threads 1 --optimizer-threads 1)

say() { printf '\n== %s\n' "$*"; }
fail() {
  echo "error: $*" >&2
  exit 1
}

# Lines of text as JSONL, a record for each 16 of them.
as_jsonl() {
  sed -e 's/\\/\\\\/g; s/"/\\"/g; s/\t/ /g' -e 's/[[:cntrl:]]//g' |
    awk '{ text = text $0 "\\n" } NR % 16 == 0 { print "{\"text\": \"" text "\"}"; text = "" }
         END { if (text != "") print "{\"text\": \"" text "\"}" }'
}

# Every nth line is held out.
hold_out() {  # FILE N NAME
  awk -v n="$2" -v train="$out/$3.jsonl" -v held="$out/$3-held-out.jsonl" '{ print > (NR % n == 0 ? held : train) }' "$1"
}

# Nats a token of the held-out answers.
answer_logprob() {  # MODEL
  "$horizon" logprobs --model "$1" "${MACHINE[@]}" --data "$out/instructions-held-out.jsonl" --seq-len "$SEQ_LEN" --cache-dir "$out/cache" --sums |
    sed 's/.*"tokens":\([0-9]*\),"logprob":\([^}]*\)}/\1 \2/' | awk '{ n += $1; sum += $2 } END { printf "%.4f\n", sum / n }'
}

# Of the held-out pairs: by how many nats the chosen answer is likelier, and the share of pairs where it is, nats a token.
pair_figures() {  # MODEL
  "$horizon" logprobs --model "$1" --task dpo "${MACHINE[@]}" --data "$out/preferences-held-out.jsonl" --seq-len "$SEQ_LEN" --cache-dir "$out/cache" --sums |
    sed 's/.*"tokens":\([0-9]*\),"logprob":\([^}]*\)}/\1 \2/' |
    awk 'NR % 2 == 1 { n = $1; s = $2 }
         NR % 2 == 0 { margin += s - $2; right += s / n > $2 / $1; pairs++ }
         END { printf "%.2f %.3f\n", margin / pairs, right / pairs }'
}

# Answers greedily, up to <|im_end|>, which is id 2.
ask() {  # MODEL QUESTION
  local ids
  ids=$("$horizon" generate --model "$1" "${MACHINE[@]}" --max-new-tokens 24 --json --prompt "<|im_start|>user
$2<|im_end|>
<|im_start|>assistant
" | sed 's/.*"ids":\[\([^]]*\)\].*/\1,/; s/,2,.*//')
  echo "  $("$horizon" tokenize --tokenizer "$FILES/tokenizer.json" --ids "$ids")"
}

mkdir -p "${1:-posttraining-out}"
readonly out="$(cd "${1:-posttraining-out}" && pwd)"
SECONDS=0

if [[ -z "${HORIZON_BINARY:-}" ]]; then
  say "set-up and build"
  "$ROOT/tools/setup.sh" --minimal bible-kjv
  (cd "$ROOT" && bazel build -c opt --disk_cache="$CACHE" //samples/horizon)
fi
readonly horizon="${HORIZON_BINARY:-$ROOT/bazel-bin/samples/horizon/horizon}"

say "data"
if [[ -n "${HORIZON_POSTTRAINING_TEXT:-}" ]]; then
  as_jsonl <"$HORIZON_POSTTRAINING_TEXT" >"$out/text.jsonl"
else
  (cd / && bible -f 'Gen1:1-Rev22:21') | cut -d' ' -f2- | as_jsonl >"$out/text.jsonl"
fi
hold_out "$ROOT/samples/data/instructions.jsonl" 8 instructions
hold_out "$ROOT/samples/data/preferences.jsonl" 5 preferences
wc -l "$out"/text.jsonl "$out"/instructions*.jsonl "$out"/preferences*.jsonl | sed '$d'
readonly common=(--seq-len "$SEQ_LEN" --cache-dir "$out/cache" --overwrite --schedule cosine --beta2 0.95 "${MACHINE[@]}")

say "pretraining"
"$horizon" train --config "$FILES/config.json" --init-seed 1 --tokenizer "$FILES" --task pretrain --data "$out/text.jsonl" \
  --batch-size 8 --steps "$STEPS" --lr 2e-3 --warmup-steps 20 --min-lr-ratio 0.1 --weight-decay 0.1 --save-dtype bf16 \
  --log-json "$out/pretrain.json" --out "$out/pretrained" "${common[@]}"

say "SFT"
answers_before=$(answer_logprob "$out/pretrained")
"$horizon" train --model "$out/pretrained" --task sft --data "$out/instructions.jsonl" --eval-data "$out/instructions-held-out.jsonl" \
  --batch-size 4 --epochs "$SFT_EPOCHS" --lr 1e-3 --warmup-steps 10 \
  --log-json "$out/sft.json" --tensorboard "$out/tensorboard/sft" --out "$out/sft" "${common[@]}"
answers_after=$(answer_logprob "$out/sft")

say "DPO"
read -r margin_before accuracy_before < <(pair_figures "$out/sft")
"$horizon" train --model "$out/sft" --task dpo --data "$out/preferences.jsonl" --eval-data "$out/preferences-held-out.jsonl" \
  --batch-size 8 --epochs "$DPO_EPOCHS" --lr 3e-4 --beta 0.1 --sft-weight 0.5 \
  --log-json "$out/dpo.json" --tensorboard "$out/tensorboard/dpo" --out "$out/dpo" "${common[@]}"
read -r margin_after accuracy_after < <(pair_figures "$out/dpo")

say "held-out figures"
echo "SFT: log-probability a token of answers  $answers_before before, $answers_after after"
echo "DPO: margin of chosen over rejected      $margin_before nats before, $margin_after after"
echo "DPO: chosen likelier a token             $accuracy_before of the pairs before, $accuracy_after after"
awk -v a="$answers_before" -v b="$answers_after" 'BEGIN { exit !(b > a + 0.5) }' ||
  fail "SFT did not raise the log-probability of held-out answers as it should"
awk -v a="$margin_before" -v b="$margin_after" -v c="$accuracy_before" -v d="$accuracy_after" 'BEGIN { exit !(b > a + 1 && d >= c) }' ||
  fail "DPO did not widen the margin on held-out pairs as it should"

say "answers"
for question in "What is the capital of Norway?" "What is 3 plus 4?" 'What is the opposite of "hot"?'; do
  echo "$question"
  ask "$out/dpo" "$question"
done

say "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
echo "$out/pretrained, sft, dpo    the models, Hugging Face folders"
echo "$out/tensorboard             curves: tensorboard --logdir $out/tensorboard"
