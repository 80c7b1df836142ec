#!/bin/bash
# The sample for Ray with two processes on this machine. By hand: HLM_RAY_PYTHON names a Python that has ray (pip install ray).
set -euo pipefail
source tests/bindings/lib.sh
wheel=$(readlink -f "$1") sample=$(readlink -f "$2")
: "${HLM_RAY_PYTHON:?is a Python that has ray}"
work=$TEST_TMPDIR
# Ray's own processes take their time beside other tests.
export HOME=$work RAY_DISABLE_IMPORT_WARNING=1 RAY_USAGE_STATS_ENABLED=0 RAY_raylet_start_wait_time_s=240
small_model
"$HLM_RAY_PYTHON" -m pip install --quiet --no-index --no-deps --disable-pip-version-check --target "$work/site" "$wheel"
export PYTHONPATH=$work/site
"$HLM_RAY_PYTHON" "$sample" "$work/model" "$work/sft.jsonl" "$work/out" --one-machine --device cpu --rows 4 --row-tokens 64 --steps 6 >"$work/ray.txt"
test "$(grep -c '^(6, ' "$work/ray.txt")" = 2 || fail "$(cat "$work/ray.txt")"
test "$(sort -u "$work/ray.txt" | grep -c '^(6, ')" = 1 || fail "the ranks have other losses: $(cat "$work/ray.txt")"
test -s "$work/out/model.safetensors"
