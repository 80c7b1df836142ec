#!/bin/bash
# What a step takes through a binding beside the engine's own time, less what it takes so in C: under 1 % of C's step. Medians, in one run.
# For a machine that does nothing else.
set -euo pipefail
source tests/bindings/lib.sh
c_program=$1 wheel=$(readlink -f "$2") jdk=$(dirname "$(readlink -f "$3")") module=$(readlink -f "$4") proxy=$(readlink -f "$5") jar=$(readlink -f "$6"):$(readlink -f "$7")
work=$TEST_TMPDIR
readonly STEPS=500
export HOME=$work GOCACHE=$work/cache GOPATH=$work/gopath GOFLAGS="-mod=mod -modcacherw" GOPROXY=file://$proxy GOSUMDB=off LC_ALL=C.UTF-8

/usr/bin/python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-index --disable-pip-version-check "$wheel"
mkdir "$work/classes"
"$jdk/javac" -cp "$jar" -d "$work/classes" tests/bindings/java/BindingTest.java tests/bindings/java/Overhead.java
mkdir "$work/tests"
cp -L tests/bindings/go/*.go "$work/tests/"
printf 'module bindingtest\n\ngo 1.19\n' >"$work/tests/go.mod"
(cd "$work/tests" && go get "$(sed -n 's/^module //p' "$module/go.mod")@latest" && go test -c -o "$work/go" .)

read -r step beside <<<"$("$c_program" $STEPS)"
declare -A found
found[python]=$("$work/venv/bin/python" tests/bindings/overhead/overhead.py $STEPS)
found[java]=$("$jdk/java" -cp "$jar:$work/classes" Overhead $STEPS)
HLM_OVERHEAD=$STEPS "$work/go" -test.run TestOverhead >"$work/go.txt"
found[go]=$(sed -n 1p "$work/go.txt")
echo "C: a step takes $step s, $beside s of them beside the engine"
status=0
for language in "${!found[@]}"; do
  awk -v language="$language" -v step="$step" -v c="$beside" '{
    share = ($2 - c) / step * 100
    printf "%s: %.1f us more than C beside the engine, %.2f %% of a step\n", language, ($2 - c) * 1e6, share
    exit !(share < 1)
  }' <<<"${found[$language]}" || status=1
done
exit $status
