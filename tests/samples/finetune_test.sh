#!/bin/bash
# The C sample trains, the loss falls, and what it saves is a model folder. Wrong use and an output that cannot be written are
# exit statuses, not crashes.
set -euo pipefail
program=$1
work=$TEST_TMPDIR

"$program" "$work/model" | tee "$work/output"
losses=$(sed -n 's/^step [0-9]*  loss //p' "$work/output")
awk -v n=0 'NF { if (n++ == 0) first = $1; last = $1 } END { exit !(n >= 3 && last + 0 < 0.7 * first) }' <<<"$losses"
grep -q '^model.norm.weight begins ' "$work/output"
test -s "$work/model/config.json"
test -s "$work/model/model.safetensors"

status=0
"$program" 2>"$work/errors" || status=$?
test "$status" = 2
grep -q '^usage: finetune OUTPUT_FOLDER$' "$work/errors"
status=0
"$program" "$work/output/inside-a-file" >/dev/null 2>"$work/errors" || status=$?
test "$status" = 1
grep -q '^error: ' "$work/errors"
