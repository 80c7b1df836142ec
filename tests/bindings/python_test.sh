#!/bin/bash
# The wheel in a fresh virtual environment, from a folder where nothing of the source is.
set -euo pipefail
source tests/bindings/lib.sh
wheel=$(readlink -f "$1") c_program=$2 sample=$(readlink -f "$3") header=$(readlink -f "$4") spy=$(readlink -f "$5")
tests=$(readlink -f tests/bindings/python)
work=$TEST_TMPDIR
export HOME=$work PYTHONDONTWRITEBYTECODE=1
export HLM_MODEL=$PWD/tests/bindings/model HLM_TOKENIZER_GOLDENS=$PWD/tests/text/goldens/tokenizers.json
unset PYTHONPATH

/usr/bin/python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-index --disable-pip-version-check "$wheel"
python=$work/venv/bin/python

# A stranger's path: the sample, without NumPy or anything else installed.
(cd / && "$python" "$sample" "$work/sample") >"$work/sample.txt"
for program in "$(dirname "$sample")"/{finetune,sft,dpo}.py; do
  "$python" "$program" --help >"$work/usage.txt"
  grep -q "$(basename "$program") " "$work/usage.txt"
  status=0
  "$python" "$program" 2>"$work/usage.txt" || status=$?
  test $status = 2
  grep -q "$(basename "$program") " "$work/usage.txt"
done
same_as_c "$c_program" "$work/sample.txt" "$work/sample"

for name in sft dpo; do
  tuned_as_c $name "$python" "$(dirname "$sample")/$name.py"
done

readme_program python "$work/readme/tune.py"
(cd "$work/readme" && "$python" tune.py) >"$work/readme.txt"
readme_ran "$work/readme" "$work/readme.txt"

two_processes "$work/group" "$python" "$tests/group_pair.py"

# The version is the header's.
version=$(sed -n 's/^#define HLM_VERSION "\(.*\)"$/\1/p' "$header")
test "$(cd / && "$python" -c 'import horizonlm; print(horizonlm.__version__)')" = "$version"
"$work/venv/bin/pip" --disable-pip-version-check show horizonlm >"$work/show.txt"
grep -qx "Version: $version" "$work/show.txt"

# The `horizon` command comes with it, in both ways, and trains.
(cd "$work" && echo "the quick brown fox jumps over the lazy dog, and over and over again" >text.txt &&
  PATH=$work/venv/bin:$PATH horizon train --preset tiny --init-seed 1 --data text.txt --seq-len 16 --batch-size 2 --steps 2 --out by_command) >"$work/command.txt" 2>&1
test -s "$work/by_command/model.safetensors"
(cd "$work" && "$python" -m horizonlm devices | grep -q '^cpu')

# What is carried has its licences, no debugging information, and no path of a build tree. A GPU's libraries are an extra.
"$python" - "$wheel" "$work/opened" <<'PYTHON'
import email
import pathlib
import subprocess
import sys
import zipfile

wheel, opened = sys.argv[1], pathlib.Path(sys.argv[2])
zipfile.ZipFile(wheel).extractall(opened)
(info,) = opened.glob("*.dist-info")
metadata = email.message_from_string((info / "METADATA").read_text())
for file in metadata.get_all("License-File"):
    assert len((info / file).read_text()) > 5000, file
third_party = (info / "THIRD_PARTY_LICENSES").read_text()
for carried in ("oneDNN", "Highway", "GNU OpenMP", "OpenCL", "PCRE2", "utf8proc", "zlib", "Zstandard", "xxHash", "JSON for Modern C++"):
    assert carried in third_party, carried
extra = [line for line in metadata.get_all("Requires-Dist") if "cuda13" in line]
for name in ("nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-cuda-nvrtc", "nvidia-nccl-cu13"):
    assert any(line.startswith(name) for line in extra), (name, extra)
assert (opened / "horizonlm" / "py.typed").exists()
found = [path for path in opened.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
assert len(found) >= 6, found
for path in found:
    sections = subprocess.run(["readelf", "-SWd", path], check=True, capture_output=True, text=True).stdout
    assert ".debug_info" not in sections, path
    for line in sections.splitlines():
        if "(RPATH)" in line or "(RUNPATH)" in line:
            places = line[line.index("[") + 1 : line.rindex("]")].split(":")
            assert all(place.startswith("$ORIGIN") and "_solib" not in place for place in places), (path, line)
PYTHON

# The carried libraries are the ones that are loaded.
(cd / && "$python" -c '
import horizonlm, os
horizonlm.devices()
here = os.path.dirname(horizonlm.__file__)
loaded = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
for name in ("libhorizonlm.so", "libdnnl.so", "libhwy.so"):
    found = [path for path in loaded if name in path]
    assert found and all(path.startswith(os.path.realpath(here)) or path.startswith(here) for path in found), (name, found)
')

# With NumPy, Debian's own: all tests.
for site in "$work"/venv/lib/python3.*/site-packages; do echo /usr/lib/python3/dist-packages >"$site/debian.pth"; done
(cd / && "$python" -W error::ResourceWarning -m unittest discover -s "$tests" -t "$tests" -p '*_test.py')

# No copies.
(cd "$tests" && HLM_SPY="$work/spied" LD_PRELOAD="$spy" "$python" zero_copy.py) >"$work/passed"
test "$(wc -l <"$work/passed")" = 3
diff "$work/passed" "$work/spied"

# A library of another version, or none at all, is an ImportError that says so.
package=$(cd / && "$python" -c 'import horizonlm, os; print(os.path.dirname(horizonlm.__file__))')
mv "$package/lib/libhorizonlm.so" "$work/library"
(cd / && "$python" -c '
try:
    import horizonlm
except ImportError as error:
    assert "cannot be loaded" in str(error) and "libhorizonlm.so" in str(error), error
else:
    raise SystemExit("it was imported without its library")
')
sed 's/\x000\.1\.0\x00/\x009.9.9\x00/g' "$work/library" >"$package/lib/libhorizonlm.so"
if ! cmp -s "$work/library" "$package/lib/libhorizonlm.so"; then
  (cd / && "$python" -c '
try:
    import horizonlm
except ImportError as error:
    assert "9.9.9" in str(error), error
else:
    raise SystemExit("it was imported with a library of another version")
')
fi
mv "$work/library" "$package/lib/libhorizonlm.so"

# Types.
if [[ -x /usr/bin/mypy ]]; then
  cp -r "$package" "$work/typed"
  mkdir -p "$work/types" && mv "$work/typed" "$work/types/horizonlm"
  cp "$(dirname "$sample")"/*.py "$work/types/"
  (cd "$work/types" && /usr/bin/mypy --strict --enable-incomplete-feature=Unpack --cache-dir="$work/mypy" --no-error-summary horizonlm *.py)
  cat >"$work/types/wrong.py" <<'PYTHON'
import horizonlm
model = horizonlm.Model.open("x")
horizonlm.Plan(model, batch_size="eight")
horizonlm.Tokenizer("x").encode(5)
horizonlm.Trainer(model, model.plan()).accumulate_preference([1], knd="sigmoid")
PYTHON
  if (cd "$work/types" && /usr/bin/mypy --strict --enable-incomplete-feature=Unpack --cache-dir="$work/mypy" wrong.py >"$work/mypy.txt"); then
    fail "mypy accepts batch_size=\"eight\""
  fi
  for line in 3 4 5; do
    grep -q "wrong.py:$line: error" "$work/mypy.txt" || fail "mypy accepts line $line"
  done
fi
