#!/bin/bash
# Every block of the README, tried as a new user in an empty folder with the packages that it names. The model it speaks of is a small one here.
set -euo pipefail
source tests/bindings/lib.sh
archive=$(readlink -f "$1") wheel=$(readlink -f "$2")
folder=$TEST_TMPDIR/user
mkdir "$folder"
export HOME=$folder PIP_NO_INDEX=1
small_model
cp "$archive" "$wheel" "$folder/"
cp -r "$TEST_TMPDIR/model" "$folder/Qwen2.5-0.5B"
cp "$TEST_TMPDIR/sft.jsonl" "$folder/train.jsonl"
/usr/bin/python3 tests/readme/run_blocks.py README.md "$folder"
# And once more, as people do: nothing is in the way.
/usr/bin/python3 tests/readme/run_blocks.py README.md "$folder"
test -s "$folder/tuned/model.safetensors"

# Every family that has a golden is on the page, by its model_type (some goldens' names have a variant behind it).
/usr/bin/python3 - <<'PYTHON'
import json
import re

page = open("README.md").read()
named = re.findall(r"`([a-z0-9_]+)`", page[page.index("## Which models") : page.index("## How it works")])
taken = json.load(open("tests/golden/families/manifest.json"))["goldens"]
missing = [family for family in taken if not any(family.startswith(name) for name in named if name != "model_type")]
assert taken and not missing, f"README.md names none of {missing}"
PYTHON

# A page whose output is another, or whose command fails, is found out.
printf '```sh\necho one\n```\n```text\ntwo\n```\n' >"$folder/other.md"
printf '```sh\necho one two\n```\n```text\none\n```\n' >"$folder/shorter.md"
printf '```sh\nfalse\n```\n' >"$folder/failing.md"
printf 'nothing\n' >"$folder/empty.md"
for page in other shorter failing empty; do
  if /usr/bin/python3 tests/readme/run_blocks.py "$folder/$page.md" "$folder" 2>/dev/null; then
    fail "$page.md passes"
  fi
done
