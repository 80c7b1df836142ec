#!/bin/bash
# A hundred lost processes in network namespaces of their own; HLM_TRIALS says another number. Needs root. By hand.
set -euo pipefail
exec /usr/bin/python3 "$1" "$(readlink -f "$2")" "$TEST_TMPDIR/kills" "${HLM_TRIALS:-100}" "${HLM_SEED:-1}"
