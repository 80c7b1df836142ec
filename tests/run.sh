#!/bin/bash
# Sets up, builds everything and runs every test, and ends with a line "N passed, N failed" that counts test targets.
# Arguments go to `bazel test`.
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source tests/lib.sh

# What goes wrong is said where the counts are.
if ! tools/setup.sh 2>&1; then
  echo "nothing was built or tested: tools/setup.sh failed"
  echo "0 passed, 0 failed"
  exit 1
fi
status=0
run_tests "$ALL_TESTS except $MANUAL_TESTS" "$@" //... || status=1
echo "$PASSED passed, $FAILED failed"
exit "$status"
