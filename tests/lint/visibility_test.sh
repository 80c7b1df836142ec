#!/bin/bash
# Looks at the BUILD files of all folders.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 tests/lint/visibility_test.py "$(dirname "$(readlink -f .clang-format)")"
