#!/bin/bash
# The jar on a class path, in a folder where nothing of the source is, under -Xcheck:jni.
set -euo pipefail
source tests/bindings/lib.sh
jdk=$(dirname "$(readlink -f "$1")") c_program=$2 header=$3 spy=$(readlink -f "$4")
shift 4
samples=() jar=
for file in "$@"; do
  case $file in
    *-sources.jar) sources=$(readlink -f "$file") ;;
    *-javadoc.jar) javadoc=$(readlink -f "$file") ;;
    *-linux-x86_64.jar) natives=$(readlink -f "$file") ;;
    *-linux-x86_64-cuda13.jar) cuda=$(readlink -f "$file") ;;
    *.jar) jar=$(readlink -f "$file") ;;
    *.pom) pom=$(readlink -f "$file") ;;
    *.java) samples+=("$(readlink -f "$file")") ;;
  esac
done
work=$TEST_TMPDIR
version=$(sed -n 's/^#define HLM_VERSION "\(.*\)"$/\1/p' "$header")
mkdir -p "$work/lib" "$work/classes" "$work/tmp"
cp "$jar" "$work/lib/horizonlm.jar"
cp "$natives" "$work/lib/natives.jar"

"$jdk/javac" -Xlint:all -Werror --release 17 -cp "$work/lib/horizonlm.jar" -d "$work/classes" "${samples[@]}" tests/bindings/java/*.java
# One heap of the C library's, which gives back at once what is free: what it keeps for later, for each thread, would
# count as growth.
export LC_ALL=C.UTF-8 MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
java() {
  (cd "$work" && "$jdk/java" -Xcheck:jni -Xms64m -Xmx64m -XX:+AlwaysPreTouch -XX:+UseSerialGC -Djava.io.tmpdir="$work/tmp" "-Dhlm.cycles=${HLM_CYCLES:-300}" \
    -cp "$work/lib/*:$work/classes" "$@")
}

# A stranger's path: the sample.
java Finetune "$work/sample" >"$work/sample.txt"
same_as_c "$c_program" "$work/sample.txt" "$work/sample"

for name in Sft Dpo; do
  tuned_as_c ${name,} java $name
done

readme_program java "$work/readme/Tune.java"
(cd "$work/readme" && "$jdk/java" -Djava.io.tmpdir="$work/tmp" -cp "$work/lib/*" Tune.java) >"$work/readme.txt"
readme_ran "$work/readme" "$work/readme.txt"

java BindingTest "$work" "$version" "$PWD/tests/bindings/model" 2>&1 | tee "$work/test.txt"
grep -q '^ok  cycles' "$work/test.txt"
/usr/bin/python3 tests/bindings/goldens.py tests/text/goldens/tokenizers.json "$work/goldens"
java DataTest "$work" "$PWD/tests/bindings/model" "$work/goldens" 2>&1 | tee -a "$work/test.txt"
grep -q '^ok  packed moments' "$work/test.txt"
java MessagesTest "$work" "$PWD/tests/bindings/model" 2>&1 | tee -a "$work/test.txt"
grep -q '^ok  nulls' "$work/test.txt"
java GatherTest 2>&1 | tee -a "$work/test.txt"
grep -q '^ok  gathers' "$work/test.txt"
if grep -i 'WARNING\|FATAL' "$work/test.txt"; then
  fail "-Xcheck:jni complains"
fi

two_processes "$work/group" "$jdk/java" -Xcheck:jni -Djava.io.tmpdir="$work/tmp" -cp "$work/lib/*:$work/classes" GroupTest

# Nothing is left of the unpacked libraries.
test -z "$(find "$work/tmp" -name '*.so*')" || fail "$(find "$work/tmp")"

# No copies.
(cd "$work" && HLM_SPY="$work/spied" LD_PRELOAD="$spy" "$jdk/java" --add-opens java.base/java.nio=ALL-UNNAMED -Djava.io.tmpdir="$work/tmp" \
  -cp "$work/lib/*:$work/classes" ZeroCopy) >"$work/passed"
test "$(wc -l <"$work/passed")" = 3
diff "$work/passed" "$work/spied"

# A library that is missing, or of another version.
java -Dorg.horizonlm.native="$work/nowhere" NoLibrary "cannot be loaded"
mkdir "$work/other"
(cd "$work/other" && "$jdk/jar" xf "$work/lib/natives.jar" native && mv native/*/* . && sed -i 's/\x000\.1\.0\x00/\x009.9.9\x00/g' libhorizonlm.so)
if grep -q '9\.9\.9' "$work/other/libhorizonlm.so"; then
  java -Dorg.horizonlm.native="$work/other" NoLibrary "9.9.9"
fi

# What Maven needs.
grep -q "<version>$version</version>" "$pom"
"$jdk/jar" tf "$sources" >"$work/sources.txt"
grep -qx 'org/horizonlm/Trainer.java' "$work/sources.txt"
"$jdk/jar" tf "$jar" >"$work/jar.txt"
grep -qx 'META-INF/maven/org.horizonlm/horizonlm/pom.xml' "$work/jar.txt"
if grep -q '\.so' "$work/jar.txt"; then
  fail "the jar of classes carries native libraries: each platform has its own"
fi
for file in "$jar" "$natives" "$cuda" "$sources" "$javadoc"; do
  "$jdk/jar" tf "$file" >"$work/listed.txt"
  grep -qx 'META-INF/LICENSE' "$work/listed.txt" || fail "no licence in $file"
done
for file in "$natives" "$cuda"; do
  (cd "$work" && "$jdk/jar" xf "$file" META-INF/THIRD_PARTY_LICENSES && grep -q oneDNN META-INF/THIRD_PARTY_LICENSES) || fail "no licences of others in $file"
done
"$jdk/jar" tf "$javadoc" | grep -qx 'org.horizonlm/org/horizonlm/Trainer.html'
for wanted in '<url>https://' '<developer>' '<scm>' '<license>' '<description>'; do
  grep -q "$wanted" "$pom" || fail "the pom has no $wanted, which Maven Central asks for"
done

# On the module path, where the libraries are in another module than the class that loads them; and without them, by name.
(cd "$work" && "$jdk/java" -Djava.io.tmpdir="$work/tmp" -cp "$work/classes" -p "$work/lib" --add-modules ALL-MODULE-PATH Finetune "$work/modular") >"$work/modular.txt"
same_as_c "$c_program" "$work/modular.txt" "$work/modular"
(cd "$work" && "$jdk/java" -cp "$work/lib/horizonlm.jar:$work/classes" NoLibrary "with the classifier linux-x86_64")

# On the module path the jar with the libraries must be named; where it is not, the error says how.
(cd "$work" && "$jdk/java" -cp "$work/classes" -p "$work/lib" --add-modules org.horizonlm NoLibrary "--add-modules org.horizonlm.linux_x86_64")

# The service: texts in, trained in the background, a lower loss out.
(cd "$work" && exec "$jdk/java" -Djava.io.tmpdir="$work/tmp" -cp "$work/lib/*:$work/classes" TrainingService 0) >"$work/service.txt" 2>&1 &
service=$!
trap 'kill "$service" 2>/dev/null || true' EXIT
for _ in $(seq 300); do
  grep -q 'listening on port' "$work/service.txt" && break
  sleep 0.1
done
port=$(sed -n 's/^listening on port //p' "$work/service.txt")
/usr/bin/python3 - "$port" "$work" <<'PYTHON'
import json
import sys
import time
import urllib.error
import urllib.request

port, work = sys.argv[1:]

def ask(path, body=None, wanted=200):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method="GET" if body is None else "POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    assert status == wanted, (path, status, text)
    return json.loads(text)

text = b"the quick brown fox jumps over the lazy dog"
assert ask("/progress")["state"] == "idle"
assert "no texts" in ask("/train?steps=5", b"", 400)["error"]
assert ask("/texts", b"\n".join([text] * 4))["documents"] == 4
before = ask("/evaluate", text)
assert before["tokens"] == len(text) - 1 and 5 < before["loss"] < 6.5, before
assert "steps" in ask("/train", b"", 400)["error"]
ask("/train?steps=x", b"", 400)
ask("/train?steps=0", b"", 400)
ask("/train", None, 405)
assert ask("/train?steps=40", b"")["state"] in ("training", "done")
during = ask("/evaluate", text)  # answered between two steps
for _ in range(1200):
    progress = ask("/progress")
    if progress["state"] != "training":
        break
    time.sleep(0.05)
assert progress["state"] == "done" and progress["step"] == 40, progress
after = ask("/evaluate", text)
assert after["loss"] < before["loss"] - 1 and abs(progress["loss"] - after["loss"]) < 1, (before, progress, after)
assert "two bytes" in ask("/evaluate", b"x", 400)["error"]
ask(f"/save?folder={work}/served", b"")
assert "not empty" in ask(f"/save?folder={work}/served", b"", 400)["error"]
ask("/train?steps=100000", b"")
assert "under way" in ask("/train?steps=1", b"", 409)["error"]
assert ask("/cancel", b"")["state"] == "cancelled"
PYTHON
test -s "$work/served/model.safetensors"
kill "$service"
wait "$service" || true
