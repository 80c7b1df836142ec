#!/bin/bash
# The source archive: made of a checkout by git, installed by pip, which has Bazel make the wheel, or fails with a sentence. Bazel itself is a stand-in
# here, which takes down what it is asked for.
set -euo pipefail
source tests/bindings/lib.sh
work=$TEST_TMPDIR
wheel=$(readlink -f "$1")
checkout=$work/checkout
export HOME=$work GIT_CONFIG_GLOBAL=/dev/null PYTHONDONTWRITEBYTECODE=1

mkdir -p "$checkout/bindings/python" "$checkout/tests/much"
cp -L pyproject.toml "$checkout/"
cp -L bindings/version.bzl "$checkout/bindings/"
cp -L bindings/python/{build_backend.py,make_wheel.py,README.md} "$checkout/bindings/python/"
echo 'not for users' >"$checkout/tests/much/test.txt"
echo 'of nobody' >"$checkout/left.txt"
cd "$checkout"
git init -q .
git add pyproject.toml bindings tests
for out in first second; do
  mkdir "$work/$out"
  /usr/bin/python3 bindings/python/build_backend.py "$work/$out" >"$work/name.txt"
done
archive=$work/first/$(cat "$work/name.txt")
cmp "$archive" "$work/second/$(cat "$work/name.txt")"
name=$(basename "$archive" .tar.gz)
tar tzf "$archive" | sort >"$work/listed.txt"
diff "$work/listed.txt" - <<FILES
$name/PKG-INFO
$name/bindings/python/README.md
$name/bindings/python/build_backend.py
$name/bindings/python/make_wheel.py
$name/bindings/version.bzl
$name/pyproject.toml
FILES
tar xzOf "$archive" "$name/PKG-INFO" | grep -qx "Version: ${name#horizonlm-}"

cd "$work"
/usr/bin/python3 -m venv venv
mkdir bin
ln -s /usr/bin/{sh,env,dirname,cp,mkdir} bin/
install_it() { PATH=$work/bin "$work/venv/bin/pip" install --no-index --disable-pip-version-check "$archive" >"$work/pip.txt" 2>&1; }

# A machine that cannot build it is told what can be done, in one line.
if install_it; then
  fail "pip installed the source without Bazel"
fi
grep -q 'error: horizonlm is built from source with Bazel on Debian 12, and bazel, g++, swig, patchelf is not here. pip takes the wheel on Linux' "$work/pip.txt" ||
  fail "$(cat "$work/pip.txt")"

# One that can does.
for tool in g++ swig patchelf; do
  printf '#!/bin/sh\n' >"bin/$tool"
done
cat >bin/bazel <<BAZEL
#!/bin/sh
echo "\$@" >"$work/asked.txt"
mkdir -p bazel-bin/bindings/python
cp "$wheel" bazel-bin/bindings/python/
BAZEL
chmod +x bin/bazel bin/g++ bin/swig bin/patchelf
install_it || fail "$(cat "$work/pip.txt")"
test "$(sort -u "$work/asked.txt")" = "build -c opt //bindings/python:wheel"
(cd / && "$work/venv/bin/python" -c 'import horizonlm; print(horizonlm.devices()[-1]["name"])' | grep -qx cpu)

# Nor is it made of what is no checkout.
rm -rf "$checkout/.git"
if /usr/bin/python3 "$checkout/bindings/python/build_backend.py" "$work/second" 2>"$work/none.txt"; then
  fail "an archive of no checkout"
fi
grep -q '^error: the source archive is made of a checkout by git' "$work/none.txt"
