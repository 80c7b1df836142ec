#!/bin/bash
# Makes the documentation of the interfaces in C, C++, Java, Go and Python, each with the tool that its people use; any warning fails. (C#'s is in its
# package.)
#
#   build.sh OUT_TAR JDK_BIN WHEEL GO_MODULE JAVADOC_JAR
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac

out_tar=$1 jdk=$2 wheel=$3 go_module=$(readlink -f "$4") javadoc_jar=$(readlink -f "$5")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/api
mkdir -p "$out/python" "$out/go"
quiet() {
  "$@" >"$work/log" 2>&1 && [[ ! -s "$work/log" ]] && return
  cat "$work/log" >&2
  echo "error: $1 failed, or warned" >&2
  exit 1
}

# C and C++.
sed "s#@OUT@#$out#" docs/api/Doxyfile >"$work/Doxyfile"
quiet doxygen "$work/Doxyfile"

# Java: javadoc ran where the jars are packed.
mkdir "$out/java"
(cd "$out/java" && "$jdk/jar" xf "$javadoc_jar" && rm -r META-INF)
test -s "$out/java/org.horizonlm/org/horizonlm/Trainer.html"

# Go.
export HOME=$work GOCACHE=$work/cache GOFLAGS=-mod=mod GOPROXY=off
mkdir "$work/go"
cp -L "$go_module"/*.go "$work/go/"
grep -v '^require' "$go_module/go.mod" >"$work/go/go.mod"  # go doc looks for what is required, and needs none of it
(cd "$work/go" && go doc -all . >"$out/go/horizonlm.txt" 2>"$work/log")
test ! -s "$work/log" || { cat "$work/log" >&2; exit 1; }
grep -q '^func (t \*Trainer) StepContext' "$out/go/horizonlm.txt"
test -z "$(gofmt -l "$go_module"/*.go)"

# Python.
python3=/usr/bin/python3
"$python3" -m zipfile -e "$wheel" "$work/python"
(cd "$out/python" && PYTHONPATH="$work/python" PYTHONDONTWRITEBYTECODE=1 "$python3" -W error - <<'PYTHON'
import inspect
import pkgutil
import pydoc

import horizonlm

missing = []
for name in horizonlm.__all__:
    thing = getattr(horizonlm, name)
    if not (thing.__doc__ or "").strip():
        missing.append(name)
    if inspect.isclass(thing):
        for method, value in vars(thing).items():
            if not method.startswith("_") and (callable(value) or isinstance(value, (property, classmethod))) and not (getattr(value, "__doc__", "") or "").strip():
                missing.append(f"{name}.{method}")
assert not missing, f"without a docstring: {missing}"
for module in ["horizonlm"] + ["horizonlm." + m.name for m in pkgutil.iter_modules(horizonlm.__path__) if not m.name.startswith("_")]:
    pydoc.writedoc(module)
PYTHON
) >"$work/log"
test -s "$out/python/horizonlm.html"

tar czf "$out_tar" --sort=name --owner=0 --group=0 --mtime=@0 -C "$work" api
