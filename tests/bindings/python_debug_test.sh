#!/bin/bash
# The wheel's tests once more on an interpreter with assertions and checked memory (Debian's python3-dbg). The wheel has the stable ABI, so it
# is the same file.
set -euo pipefail
wheel=$(readlink -f "$1")
tests=$(readlink -f tests/bindings/python)
work=$TEST_TMPDIR
export HOME=$work PYTHONDONTWRITEBYTECODE=1 PYTHONMALLOC=debug
export HLM_MODEL=$PWD/tests/bindings/model HLM_TOKENIZER_GOLDENS=$PWD/tests/text/goldens/tokenizers.json
unset PYTHONPATH

python=$(command -v python3-dbg) || {
  echo "error: python3-dbg is not installed" >&2
  exit 1
}
"$python" -c 'import sys; sys.gettotalrefcount()'  # only a debug build has it
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-index --disable-pip-version-check "$wheel"
for site in "$work"/venv/lib/python3.*/site-packages; do echo /usr/lib/python3/dist-packages >"$site/debian.pth"; done
(cd / && "$work/venv/bin/python" -X dev -m unittest discover -s "$tests" -t "$tests" -p '*_test.py')
