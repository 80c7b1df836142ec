#!/bin/bash
# Every wait in core/stream and core/train has a name, and races_test.cc or devices_peers_test.cc leaves each of them out once.
set -eu
status=0
names=$(grep -hoE '[>.]Wait\([^"]*"[^"]+"' core/stream/*.cc core/train/*.cc | sed -E 's/.*"([^"]+)"/\1/' | sort -u)
[ -n "$names" ] || { echo "no waits found"; exit 1; }
while IFS= read -r name; do
  grep -qF "\"$name\"" tests/equivalence/races_test.cc tests/equivalence/devices_peers_test.cc || { echo "no test leaves out: $name"; status=1; }
done <<< "$names"
exit $status
