# Sourced by the tests of the bindings: what they share.

# The same numbers, and the same saved files, as the C sample: same_as_c PROGRAM_OF_C OUTPUT FOLDER. Numbers are compared as numbers, all bits:
# each language prints them with all digits in a form of its own.
same_as_c() {
  local program=$1 output=$2 folder=$3
  if [[ ! -d "$TEST_TMPDIR/c" ]]; then
    "$program" "$TEST_TMPDIR/c" >"$TEST_TMPDIR/c.txt"
  fi
  /usr/bin/python3 - "$TEST_TMPDIR/c.txt" "$output" <<'PYTHON'
import sys

def words(path):
    with open(path) as file:
        for word in file.read().split():
            try:
                yield float(word).hex()
            except ValueError:
                yield word

wanted, found = (list(words(path)) for path in sys.argv[1:])
assert len(wanted) > 20, "the C sample printed too little"
assert wanted == found, f"C: {wanted}\nthis: {found}"
PYTHON
  diff -r "$TEST_TMPDIR/c" "$folder"
}

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
