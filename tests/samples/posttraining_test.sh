#!/bin/bash
# samples/posttraining.sh in a short form: its own checks are that SFT and DPO taught what they should.
set -euo pipefail

export HORIZON_BINARY="$PWD/samples/horizon/horizon" HORIZON_POSTTRAINING_TEXT="$PWD/README.md"
export HORIZON_POSTTRAINING_STEPS=10 HORIZON_POSTTRAINING_SFT_EPOCHS=2 HORIZON_POSTTRAINING_DPO_EPOCHS=1
out="${TEST_TMPDIR:-$(mktemp -d)}/out"
samples/posttraining.sh "$out" | tee "$TEST_TMPDIR/log"
for line in 'SFT: log-probability' 'DPO: margin' 'DPO: chosen likelier'; do
  grep -q "^$line.*before, .*after" "$TEST_TMPDIR/log" || { echo "no figure: $line" >&2; exit 1; }
done
for model in pretrained sft dpo; do
  for file in config.json model.safetensors tokenizer.json tokenizer_config.json; do
    [[ -s "$out/$model/$file" ]] || { echo "$model lacks $file" >&2; exit 1; }
  done
done
