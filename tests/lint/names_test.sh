#!/bin/bash
# Looks at the sources themselves: a document that is copied would not show what is missing beside it.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 tests/lint/names_test.py "$(dirname "$(readlink -f .clang-format)")"
