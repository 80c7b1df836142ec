#!/bin/bash
# quality_test on real text, as long as it says something: 500 steps of a model of 1.6 M parameters on the King James Bible, with four seeds.
set -euo pipefail
command -v bible >/dev/null || PATH=$PATH:/usr/games
(cd / && bible -f 'Gen1:1-Rev22:21') | cut -d' ' -f2- >"$TEST_TMPDIR/text"
"$1" "$TEST_TMPDIR/text" 500 160 4 4
