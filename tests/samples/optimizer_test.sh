#!/bin/bash
# The sample of the optimizer alone: the loss falls to nothing with 8-bit moments, for lengths that are no whole blocks too. Wrong use is
# an exit status.
set -euo pipefail
program=$1

for n in 1 257 100003; do
  "$program" "$n" | tee "$TEST_TMPDIR/output"
  awk '/^step/ { if (!n++) first = $4; last = $4 } END { exit !(n == 5 && last + 0 <= 0.001 * first) }' "$TEST_TMPDIR/output"
done
grep -q '^2\.03 bytes of moments a weight$' "$TEST_TMPDIR/output"

for wrong in 0 -1 x "1 2"; do
  status=0
  # shellcheck disable=SC2086
  "$program" $wrong || status=$?
  test "$status" = 2
done
