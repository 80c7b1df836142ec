#!/bin/bash
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 tests/lint/lines_test.py
