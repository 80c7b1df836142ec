#!/bin/bash
# Compares with Hugging Face's tokenizers, installed from PyPI into a folder of its own the first time.
set -euo pipefail
here=$PWD
cache="${HORIZON_LM_CACHE:-${HOME:-/tmp}/.cache/horizon-lm}/tokenizers-0.23.3"
if [[ ! -x $cache/bin/python ]]; then
  python3 -m venv "$cache"
  "$cache/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: tokenizers==0.23.3
fi
cd tools/goldens/tokenizers
exec "$cache/bin/python" differential.py "$here/tests/text/encode_lines" --texts "${TEXTS:-5000}" --seed "${SEED:-1}"
