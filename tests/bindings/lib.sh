# Sourced by the tests of the bindings: what they share.

# The same numbers, and the same saved files, as the C sample: same_as_c PROGRAM_OF_C OUTPUT FOLDER. Numbers are compared as numbers, all bits:
# each language prints them with all digits in a form of its own.
same_as_c() {
  local program=$1 output=$2 folder=$3
  if [[ ! -d "$TEST_TMPDIR/c" ]]; then
    "$program" "$TEST_TMPDIR/c" >"$TEST_TMPDIR/c.txt"
  fi
  same_numbers "$TEST_TMPDIR/c.txt" "$output"
  diff -r "$TEST_TMPDIR/c" "$folder"
}

same_numbers() {
  /usr/bin/python3 - "$1" "$2" <<'PYTHON'
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
}

# A small model with a tokenizer and a template in $TEST_TMPDIR/model, and examples and pairs beside it.
small_model() {
  [[ ! -d "$TEST_TMPDIR/model" ]] || return 0
  echo '{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 64,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 260, "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false, "initializer_range": 0.02}' >"$TEST_TMPDIR/config.json"
  tests/bindings/make_model "$TEST_TMPDIR/config.json" "$TEST_TMPDIR/model"
  cp -L tests/bindings/model/* "$TEST_TMPDIR/model/"
  for word in red green blue black white brown; do
    echo "{\"messages\": [{\"role\": \"user\", \"content\": \"say $word\"}, {\"role\": \"assistant\", \"content\": \"$word, $word!\"}]}" >>"$TEST_TMPDIR/sft.jsonl"
    echo "{\"prompt\": \"say $word: \", \"chosen\": \"$word\", \"rejected\": \"no\"}" >>"$TEST_TMPDIR/dpo.jsonl"
  done
}

# The program of the README, or of docs/languages.md, in a language goes to a file, and a folder is made where it may run: readme_program LANGUAGE FILE. The model that it names is a
# small one here.
readme_program() {
  small_model
  mkdir -p "$(dirname "$2")"
  awk -v language="$1" '$0 == "```" { on = 0 } on; $0 == "```" language { on = 1 }' README.md docs/languages.md >"$2"
  test -s "$2" || fail "README.md and docs/languages.md have no program in $1"
  ln -sfn "$TEST_TMPDIR/model" "$(dirname "$2")/Qwen2.5-0.5B"
  cp "$TEST_TMPDIR/sft.jsonl" "$(dirname "$2")/train.jsonl"
}

# What it must have printed and written: readme_ran FOLDER OUTPUT.
readme_ran() {
  awk '{ if ($1 != NR || $2 <= 0 || $2 > 6) exit 1 } END { exit NR != 20 }' "$2" || fail "the README's program printed $(cat "$2")"
  test -s "$1/tuned/model.safetensors"
}

# Runs a sample of a language, sft or dpo, and holds its numbers and files against those of C's: tuned_as_c sft|dpo COMMAND...
# sft is run on mixtures of experts as well, with the templates of their kinds.
tuned_as_c() {
  local name=$1 kind
  shift
  small_model
  equals_c "$name" "$TEST_TMPDIR/model" "$TEST_TMPDIR/$name.jsonl" "$TEST_TMPDIR/tuned_$name" "$@"
  [[ $name == sft ]] || return 0
  for kind in gpt_oss qwen3_moe; do
    tests/bindings/make_model tests/mixtures/$kind/config.json "$TEST_TMPDIR/$kind"
    cp -L tests/mixtures/$kind/{tokenizer.json,tokenizer_config.json,chat_template.jinja} "$TEST_TMPDIR/$kind/"
    cp -L tests/mixtures/$kind/sft.jsonl "$TEST_TMPDIR/$kind.jsonl"
    equals_c sft "$TEST_TMPDIR/$kind" "$TEST_TMPDIR/$kind.jsonl" "$TEST_TMPDIR/tuned_$kind" "$@"
    cmp "$TEST_TMPDIR/tuned_$kind/chat_template.jinja" tests/mixtures/$kind/chat_template.jinja
  done
}

# equals_c sft|dpo MODEL EXAMPLES OUTPUT_FOLDER COMMAND...
equals_c() {
  local name=$1 model=$2 examples=$3 out=$4
  shift 4
  samples/c/$name "$model" "$examples" "${out}_c" >"${out}_c.txt"
  "$@" "$model" "$examples" "$out" >"$out.txt"
  same_numbers "${out}_c.txt" "$out.txt"
  diff -r "${out}_c" "$out"
  # The first DPO loss is ln 2; both learn.
  awk -v name="$name" '{ for (i = 1; i < NF; i++) if ($i == "loss") last = $(i + 1); if (NR == 1) first = last }
    END { d = first - log(2); exit !(NR > 5 && last < 0.95 * first && (name == "sft" || (d < 1e-9 && d > -1e-9))) }' "$out.txt" || fail "$name: $(cat "$out.txt")"
}

# A program as each of the two processes of a group, as torchrun would start them: two_processes OUTPUT COMMAND... Both must print the same.
two_processes() {
  local output=$1 port rank status=0
  local -a pids=()
  shift
  port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  for rank in 0 1; do
    RANK=$rank WORLD_SIZE=2 LOCAL_WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port "$@" >"$output.$rank" 2>&1 &
    pids+=($!)
  done
  for rank in 0 1; do
    wait "${pids[rank]}" || status=$?
  done
  [[ $status == 0 ]] || fail "a process of the group ended with $status: $(cat "$output".?)"
  grep -q '^ok  group of 2' "$output.0" || fail "$(cat "$output.0")"
  diff "$output.0" "$output.1"
}

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
