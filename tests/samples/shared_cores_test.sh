#!/bin/bash
# A step of the `tiny` preset beside two busy processes takes at most 2.5 times as long as alone (decision 0021; a fair share of the cores
# is twice as long). All on the same two cores, whatever the machine has. On a machine that does nothing else:
#
#   bazel test -c opt --test_output=all //tests/samples:shared_cores_test
set -euo pipefail
horizon=$1 most=${HLM_MOST:-2.5} rounds=${HLM_ROUNDS:-5}
unset OMP_WAIT_POLICY GOMP_SPINCOUNT

cores=$(/usr/bin/python3 -c 'import os; print(",".join(map(str, sorted(os.sched_getaffinity(0))[:2])))')
case $cores in *,*) ;; *) echo "SKIPPED: one core alone has none to share" && exit 0 ;; esac

busy=()
cleanup() { ((${#busy[@]} == 0)) || kill "${busy[@]}" 2>/dev/null || true; }
trap cleanup EXIT

step() {  # seconds, the median of the steps
  taskset -c "$cores" "$horizon" bench --preset tiny --device cpu --threads 2 --warm-up 40 --steps 80 --no-traced-step --json |
    /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["step_seconds"])'
}

# By turns, so that what else the machine does falls upon both.
for ((round = 1; round <= rounds; ++round)); do
  alone=$(step)
  for _ in 1 2; do
    taskset -c "$cores" bash -c 'while :; do :; done' &
    busy+=($!)
  done
  beside=$(step)
  cleanup
  wait "${busy[@]}" 2>/dev/null || true
  busy=()
  echo "$alone $beside"
done >"$TEST_TMPDIR/steps.txt"

/usr/bin/python3 - "$TEST_TMPDIR/steps.txt" "$most" <<'PYTHON'
import statistics
import sys

rows = [tuple(map(float, line.split())) for line in open(sys.argv[1])]
for alone, beside in rows:
    print(f"alone {1e3 * alone:.2f} ms, beside two busy processes {1e3 * beside:.2f} ms: {beside / alone:.2f} times")
alone, beside = (statistics.median(column) for column in zip(*rows))
print(f"medians: {1e3 * alone:.2f} ms and {1e3 * beside:.2f} ms, {beside / alone:.2f} times; at most {sys.argv[2]}")
if beside > float(sys.argv[2]) * alone:
    sys.exit("FAILED: a step beside two busy processes takes too long")
PYTHON
