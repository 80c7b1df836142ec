#!/bin/bash
# Tries the packages of a release on a machine with a GPU and no network, as people install them: the wheel with its extra cuda13, whose CUDA
# libraries are those that pip brought along with PyTorch, and the jars where a JDK is. Takes about two minutes.
#
#   check_packages.sh DIST      a folder with horizonlm-*.whl, and horizonlm-*.jar (all three) for Java
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
dist=$(readlink -f "${1:?see --help}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# What an install must find by itself.
unset LD_LIBRARY_PATH PYTHONPATH
export HOME=$work HORIZON_LM_CALIBRATION=$work/calibration.txt

passed=0
check() {  # NAME COMMAND...
  local name=$1 begun=$SECONDS
  shift
  "$@" >"$work/check.txt" 2>&1 || { cat "$work/check.txt"; echo "FAILED: $name" >&2; exit 1; }
  echo "ok  $name  ($((SECONDS - begun)) s)"
  passed=$((passed + 1))
}

# An environment in which the packages of NVIDIA are installed, as pip would from the network, and nothing else of this machine's Python.
python3 -m venv env
site=$(env/bin/python -c 'import site; print(site.getsitepackages()[0])')
theirs=$(python3 -c 'import nvidia; print(next(iter(nvidia.__path__)))')
ln -s "$theirs" "$(dirname "$theirs")"/nvidia_*.dist-info "$site/"
check "wheel: pip takes the extra's ranges for what is installed" env/bin/pip install --no-index --quiet --disable-pip-version-check "$(ls "$dist"/horizonlm-*.whl)[cuda13]"
check "horizon devices: cuda:0 can be used" sh -c 'env/bin/horizon devices --json >devices.json && env/bin/horizon devices && grep -q "cuda:0" devices.json'
cat check.txt
check "horizon doctor: nothing failed" env/bin/horizon doctor --dir "$work"
cat check.txt

seq 1 60000 >text.txt
train() { env/bin/horizon train --preset tiny --init-seed 1 --data text.txt --seq-len 128 --batch-size 8 --lr 3e-3 --device cuda:0 "$@"; }
check "wheel: the command trains on cuda:0" train --steps 100 --out numbers
tail -n 3 check.txt
check "wheel: what was saved is evaluated there" env/bin/horizon eval --model numbers --data text.txt --seq-len 128 --device cuda:0
tail -n 1 check.txt
check "wheel: a run that was cut off goes on to the same bits" sh -c '
  run() { env/bin/horizon train --preset tiny --init-seed 1 --data text.txt --seq-len 128 --batch-size 8 --lr 3e-3 --device cuda:0 --schedule constant "$@"; }
  run --steps 20 --out whole && run --steps 10 --checkpoint-dir ckpt --save-every 5 &&
  run --steps 20 --checkpoint-dir ckpt --save-every 5 --resume must --out rest && cmp whole/model.safetensors rest/model.safetensors'

# The first steps on documents of many lengths: each is timed.
cat >lengths.py <<'PYTHON'
import random
import statistics

import horizonlm as hlm

CONFIG = dict(architectures=["Qwen2ForCausalLM"], model_type="qwen2", hidden_act="silu", hidden_size=896, intermediate_size=4864, num_hidden_layers=4,
              num_attention_heads=14, num_key_value_heads=2, vocab_size=32000, max_position_embeddings=4096, rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=True)
random.seed(1)
with hlm.Model.create(CONFIG, seed=1) as model, model.plan(device="cuda:0", batch_size=16, seq_len=1024) as plan, hlm.Trainer(model, plan, lr=1e-4) as trainer:
    seconds = []
    for _ in range(30):
        documents = [[random.randrange(32000) for _ in range(random.randrange(16, 1025))] for _ in range(16)]
        seconds.append(trainer.step(hlm.Batch.of(documents)).seconds)
print("first steps", *(f"{s:.3f}" for s in seconds[:10]), "s; the later ones' median", f"{statistics.median(seconds[10:]):.3f} s")
assert sum(seconds[:10]) < 20, seconds
PYTHON
check "wheel: imported, trains on documents of many lengths" env/bin/python lengths.py
cat check.txt
check "wheel: uninstalled, nothing left" sh -c "env/bin/pip uninstall --quiet --yes horizonlm && ! ls '$site' | grep -i horizonlm"

jars=("$dist"/horizonlm-*.jar)
if [[ -e ${jars[0]} ]] && command -v java >/dev/null; then
  cat >Devices.java <<'JAVA'
import org.horizonlm.Batch;
import org.horizonlm.Model;
import org.horizonlm.Plan;
import org.horizonlm.PlanOptions;
import org.horizonlm.Trainer;
import org.horizonlm.TrainerOptions;

public final class Devices {
  public static void main(String[] args) {
    try (Model model = Model.open(java.nio.file.Path.of(args[0]));
        Plan plan = Plan.make(model, PlanOptions.builder().device("cuda:0").batchSize(2).seqLen(16).build());
        Trainer trainer = Trainer.create(model, plan, TrainerOptions.builder().build())) {
      System.out.println("loss " + trainer.step(Batch.ofDocuments(new int[] {1, 2, 3, 4}, new int[] {5, 6, 7, 8})).loss());
    }
  }
}
JAVA
  # A jar brings no CUDA libraries: they are found as the loader finds them.
  check "jars: a Java program trains on cuda:0" env LD_LIBRARY_PATH="$theirs/cu13/lib:$theirs/cudnn/lib" \
    java -cp "$(IFS=:; echo "${jars[*]}")" Devices.java numbers
  cat check.txt
else
  echo "--  jars: not tried, no java or no jars here"
fi
echo "$passed passed"
