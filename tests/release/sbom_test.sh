#!/bin/bash
set -euo pipefail
/usr/bin/python3 tests/release/sbom_test.py "$@"
