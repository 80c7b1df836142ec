#!/bin/bash
# abidiff against the last recorded ABI: nothing that an older program relies on has changed. New functions are legal.
set -eu
library=$1
recorded=$2

if ! command -v abidiff > /dev/null; then
  echo "SKIPPED: abidiff is not installed (package abigail-tools)"
  exit 0
fi

# The handles are declarations only in the record, so what is inside them does not count.
# abidiff answers with bits: 1 an error, 2 wrong usage, 4 a change, 8 an incompatible change.
compare() {
  abidiff --no-added-syms --exported-interfaces-only "$1" "$library"
}

if ! compare "$recorded"; then
  echo "the ABI is no longer the recorded one. If the change is meant, see c_api/CONVENTIONS.md"
  exit 1
fi

# A comparison that sees nothing would pass as well: records of a library that differs must be told apart.
sed "s/hlm_version/hlm_former_function/g" "$recorded" > "$TEST_TMPDIR/removed.abi"
sed "s/data-member access='public' layout-offset-in-bits='192'/data-member access='public' layout-offset-in-bits='160'/" \
  "$recorded" > "$TEST_TMPDIR/moved.abi"
for other in removed moved; do
  if cmp -s "$recorded" "$TEST_TMPDIR/$other.abi" || compare "$TEST_TMPDIR/$other.abi" > /dev/null; then
    echo "abidiff did not see the difference to the record '$other'"
    exit 1
  fi
done
