#!/bin/bash
# Reading a tensor of 1 GiB takes at most 1 / 0.8 of what memcpy takes for as many bytes. For a machine that does nothing else, with 8 GiB.
set -euo pipefail
wheel=$(readlink -f "$1")
work=$TEST_TMPDIR
/usr/bin/python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-index --disable-pip-version-check "$wheel"
for site in "$work"/venv/lib/python3.*/site-packages; do echo /usr/lib/python3/dist-packages >"$site/debian.pth"; done
status=0
for compute in f32 bf16; do
  seconds=$("$work/venv/bin/python" tests/bindings/read_rate/read_rate.py $compute)
  awk -v compute=$compute '{ printf "%s: %.3f s, memcpy %.3f s: %.0f %% of its rate\n", compute, $1, $2, 100 * $2 / $1; exit !($2 >= 0.8 * $1) }' <<<"$seconds" || status=1
done
exit $status
