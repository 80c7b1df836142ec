#!/bin/bash
# The Go module as `go get` takes it from a module proxy, in modules of their own; nothing of the library is installed here. HLM_LONG: under the race
# detector and cgo's full pointer checks as well.
set -euo pipefail
source tests/bindings/lib.sh
module=$(readlink -f "$1") proxy=$(readlink -f "$2") c_program=$3 header=$(readlink -f "$4") spy=$(readlink -f "$5")
work=$TEST_TMPDIR
export HOME=$work GOCACHE=$work/cache GOPATH=$work/gopath GOFLAGS="-mod=mod -modcacherw" GOPROXY=file://$proxy GOSUMDB=off GO111MODULE=on CGO_ENABLED=1
export CGO_CXXFLAGS=-O0 CGO_CFLAGS=-O0
unset PKG_CONFIG_PATH LD_LIBRARY_PATH

# The path is a line of bindings/version.bzl; programs and documents name the same.
path=$(sed -n 's/^module //p' "$module/go.mod")
grep -q "^HORIZON_LM_GO = \"$path\"$" bindings/version.bzl || fail "bindings/version.bzl has another path than $path"
version=v$(sed -n 's/^#define HLM_VERSION "\(.*\)"$/\1/p' "$header")
for file in samples/go/go.mod samples/go/*/main.go tests/bindings/go/{binding,data}_test.go docs/languages.md; do
  grep -qE "^(\s+\"|require )$path\b" "$file" || fail "$file does not import $path, which bindings/version.bzl names"
done

cp -rL "$module" "$work/horizonlm"
cp -rL samples/go "$work/samples"
mkdir "$work/tests"
cp -L tests/bindings/go/*.go "$work/tests/"
printf 'module bindingtest\n\ngo 1.19\n' >"$work/tests/go.mod"
chmod -R u+w "$work/horizonlm" "$work/samples" "$work/tests"
(cd "$work/tests" && go get "$path@$version" && go list -m all >"$work/modules.txt")
diff "$work/modules.txt" - <<MODULES
bindingtest
$path $version
$path/lib/linux-amd64 $version
MODULES

test -z "$(gofmt -l "$work/horizonlm"/*.go "$work/samples" "$work/tests")" || fail "gofmt"
(cd "$work/horizonlm" && go vet ./... && go test .)  # the runnable examples
(cd "$work/horizonlm/lib/linux-amd64" && go vet ./...)
(cd "$work/samples" && go vet ./... && go build -o "$work/bin/" ./...)
grep -q oneDNN "$work/horizonlm/lib/linux-amd64/THIRD_PARTY_LICENSES"
test -s "$work/horizonlm/LICENSE"

# A program runs with the library of the module's folder, and where that is not, with the one that lies beside it.
ldd "$work/bin/finetune" | grep "libhorizonlm.so => $work/gopath/pkg/mod/$path/lib/linux-amd64@$version/" || fail "$(ldd "$work/bin/finetune")"
mkdir "$work/beside"
cp "$work/bin/finetune" "$work/horizonlm/lib/linux-amd64"/*.so* "$work/beside/"
mv "$work/gopath" "$work/elsewhere"
"$work/beside/finetune" "$work/beside/sample" >"$work/beside.txt"
mv "$work/elsewhere" "$work/gopath"

# For another platform there is no library, and Go says so.
if (cd "$work/samples" && CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build ./finetune) 2>"$work/darwin.txt"; then
  fail "it builds for a platform without a library"
fi
grep -q "build constraints exclude all Go files in .*lib/linux-amd64" "$work/darwin.txt" || fail "$(cat "$work/darwin.txt")"

# A stranger's path: the sample.
"$work/bin/finetune" "$work/sample" >"$work/sample.txt"
same_as_c "$c_program" "$work/sample.txt" "$work/sample"
same_as_c "$c_program" "$work/beside.txt" "$work/beside/sample"

for name in sft dpo; do
  tuned_as_c $name "$work/bin/$name"
done

readme_program go "$work/readme/main.go"
test -z "$(gofmt -l "$work/readme/main.go")" || fail "gofmt: the README's program"
(cd "$work/readme" && go mod init tune && go get "$path@$version" && go run . >"$work/readme.txt")
readme_ran "$work/readme" "$work/readme.txt"

# The server, and a reinforcement-learning loop that uses it.
"$work/bin/rlserver" -model "$work/model" -port 0 -lr 3e-3 >"$work/rlserver.txt" 2>&1 &
rlserver=$!
for _ in $(seq 300); do
  grep -q 'listening on port' "$work/rlserver.txt" && break
  sleep 0.1
done
port=$(sed -n 's/^listening on port //p' "$work/rlserver.txt")
/usr/bin/python3 samples/python/rl_client.py "$port" >"$work/rl.txt"
awk '{ last = $NF } END { exit !(NR == 4 && last > 0.6) }' "$work/rl.txt" || fail "$(cat "$work/rl.txt")"
/usr/bin/python3 - "$port" "$work" <<'PYTHON'
import json
import sys
import urllib.error
import urllib.request

port, work = sys.argv[1:]

def ask(path, body, wanted=200):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", data=body if body is None or isinstance(body, bytes) else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    assert status == wanted, (path, status, text)
    return json.loads(text)

assert ask("info", None)["vocab_size"] == 260
document = [1, 2, 3, 4]
before = ask("logprobs", {"documents": [document, [5, 6]]})["logprobs"]
assert [len(one) for one in before] == [4, 2] and before[0][0] == 0 and before[0][1] < 0
step = ask("step", {"documents": [document], "weights": [[0, 1, 1, 1]], "denominator": 3})
assert abs(step["loss"] + sum(before[0]) / 3) < 1e-2, (step, before)  # bf16
assert sum(ask("logprobs", {"documents": [document]})["logprobs"][0]) > sum(before[0])
assert "weights of document 0 has 1" in ask("step", {"documents": [document], "weights": [[1]]}, 400)["error"]
assert "advantages has 0" in ask("policy", {"documents": [document]}, 400)["error"]
assert "300" in ask("logprobs", {"documents": [[300, 1]]}, 400)["error"]
ask("logprobs", b"{not json", 400)
ask("logprobs", None, 405)
ask("save", {"folder": work + "/rl_saved"})
assert "not empty" in ask("save", {"folder": work + "/rl_saved"}, 400)["error"]
PYTHON
test -s "$work/rl_saved/model.safetensors"
kill -INT "$rlserver"
wait "$rlserver" || fail "the server ended badly"

# What the binding promises. One heap of the C library's, which gives back at once what is free: what it keeps for later, for each thread, would
# count as growth.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
export HLM_HEADER=$header HLM_MODEL=$PWD/tests/bindings/model HLM_TOKENIZER_GOLDENS=$PWD/tests/text/goldens/tokenizers.json
(cd "$work/tests" && go vet . && go test -c -o "$work/bin/promises" . && "$work/bin/promises" -test.v >"$work/promises.txt" 2>&1) || { cat "$work/promises.txt"; exit 1; }
grep -q '^--- PASS: TestCyclesDoNotGrow' "$work/promises.txt"
HLM_SPY="$work/spied" LD_PRELOAD="$spy" "$work/bin/promises" -test.v -test.run TestNoCopies >"$work/promises.txt" 2>&1 || { cat "$work/promises.txt"; exit 1; }
grep -q '^--- PASS: TestNoCopies' "$work/promises.txt"

# The pipeline: learns, leaves out what is no example, does the same whatever its workers do, and ends at an interrupt.
for i in $(seq 40); do
  echo "{\"prompt\": \"say: \", \"completion\": \"the quick brown fox\"}"
done >"$work/lines.jsonl"
sed -i '7i not json' "$work/lines.jsonl"
sed -i '9i {"prompt": "no completion"}' "$work/lines.jsonl"
for workers in 1 5; do
  "$work/bin/pipeline" -workers $workers -batch-size 2 -out "$work/piped$workers" <"$work/lines.jsonl" >"$work/piped$workers.txt" 2>"$work/left_out.txt"
done
diff "$work/piped1.txt" "$work/piped5.txt"
diff -r "$work/piped1" "$work/piped5"
grep -q '^lines left out: 2$' "$work/piped1.txt"
grep -q 'line 7: ' "$work/left_out.txt"
grep -q 'line 9: .*completion' "$work/left_out.txt"
awk '/^step/ { if (!n++) first = $NF; last = $NF } END { exit !(n >= 3 && first > 5 && last < first - 0.2) }' "$work/piped1.txt" || fail "the pipeline did not learn"
(while cat "$work/lines.jsonl"; do :; done) 2>/dev/null | "$work/bin/pipeline" -batch-size 2 >"$work/endless.txt" 2>/dev/null &
endless=$!
for _ in $(seq 300); do
  [[ "$(wc -l <"$work/endless.txt")" -ge 3 ]] && break
  sleep 0.1
done
kill -INT "$endless"
wait "$endless" || fail "the interrupt ended the pipeline badly"
grep -q '^interrupted$' "$work/endless.txt"

if [[ -n "${HLM_LONG:-}" ]]; then
  (cd "$work/tests" && GODEBUG=cgocheck=2 HLM_CYCLES=1000 go test -race -count=1 .)
fi
