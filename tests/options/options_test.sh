#!/bin/bash
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 tests/options/options_test.py
