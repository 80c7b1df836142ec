"""Loss curves of `horizon train` and of transformers on one GPU, from the same weights, over the same batches.

    compare_transformers.py HORIZON [STEPS]

A model of the shape of Qwen2.5-0.5B with random weights; both compute in bf16. Prints both losses of every step and fails where they
differ by more than 1 %.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import AutoModelForCausalLM, Qwen2Config

from torch_training import MasterTraining, ids_tensor

LR, WARM_UP, ROWS, LENGTH, LIMIT = 1e-4, 10, 8, 512, 0.01


def make_ids(rows, vocab, rng):
    """Text with something to learn: words drawn by Zipf's law, each followed by one of a few that belong to it."""
    first = np.minimum(rng.zipf(1.3, size=(rows, LENGTH)), vocab - 1)
    follows = (first * 31 + rng.integers(0, 4, size=first.shape)) % vocab
    ids = np.where(np.arange(LENGTH) % 2 == 0, first, np.roll(follows, 1, axis=1))
    return ids.astype(np.int32)


def transformers_losses(folder, ids, steps):
    training = MasterTraining(folder, "cuda")
    return [training.step(ids_tensor(ids[step * ROWS:(step + 1) * ROWS], "cuda"), LR * min(1.0, (step + 1) / WARM_UP)) for step in range(steps)]


def horizon_losses(horizon, folder, data, out, steps):
    log = os.path.join(out, "log.json")
    subprocess.run([horizon, "train", "--device", "cuda:0", "--model", folder, "--data", data, "--steps", str(steps), "--no-shuffle",
                    "--batch-size", str(ROWS), "--lr", str(LR), "--warmup-steps", str(WARM_UP),
                    "--log-json", log, "--out", os.path.join(out, "trained")],
                   check=True, stdout=subprocess.DEVNULL)
    with open(log) as file:
        lines = [json.loads(line) for line in file]
    return [line["loss"] for line in lines if "loss" in line]


def main():
    horizon = sys.argv[1]
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    torch.manual_seed(1)
    config = Qwen2Config(vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
                         num_key_value_heads=2, tie_word_embeddings=True, max_position_embeddings=32768, rope_theta=1e6)
    with tempfile.TemporaryDirectory() as out:
        folder, data = os.path.join(out, "model"), os.path.join(out, "ids.npy")
        AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
        ids = make_ids(steps * ROWS, config.vocab_size, np.random.default_rng(1))
        np.save(data, ids)
        ours = horizon_losses(horizon, folder, data, out, steps)
        theirs = transformers_losses(folder, ids, steps)
    worst = 0.0
    for step, (a, b) in enumerate(zip(ours, theirs), 1):
        worst = max(worst, abs(a - b) / b)
        print(f"step {step:3d}  horizon {a:.4f}  transformers {b:.4f}  {abs(a - b) / b:.3%}")
    agree = len(ours) == len(theirs) == steps and worst <= LIMIT
    print(f"{steps} steps, largest difference {worst:.3%}: {'agree' if agree else 'DIFFER'} (limit {LIMIT:.0%})")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
