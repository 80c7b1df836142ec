"""Held-out loss after a run with each form of the optimizer's states, beside PyTorch's on fp32 master weights and on bf16 weights.

    compare_quality.py HORIZON TEXT [--steps 500] [--seeds 3] [--jobs 4] [--device cuda:0] [--exact-only]

A model of 15 M parameters learns the bytes of a text; its last twentieth is held out. Every seed has weights and rows of its own, the
same for all runs, and every run the same schedule (a cosine from 1e-3 to 0), bf16 arithmetic, clipping and AdamW. One run's held-out
loss moves by 0.2 to 0.3 % with anything at all, so what is compared is the mean over the seeds, and the last 0.1 % of it take a dozen:
--exact-only leaves the compact states out for that. Then, at a constant 1e-5,
weights kept in bf16 and rounded to nearest after each update: there most updates are less than half a step of bf16 and are lost.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from transformers import AutoModelForCausalLM, Qwen2Config

from torch_training import MasterTraining, ids_tensor, loss_of

ROWS, LENGTH, LR, LOW_LR = 16, 256, 1e-3, 1e-5
# Name, options of `horizon train`, the largest mean difference from exact states.
FORMS = [("exact", [], None), ("bf16 moments", ["--states", "bf16"], 0.005), ("8-bit moments", ["--states", "int8"], 0.01),
         ("8-bit, no remainder", ["--states", "int8", "--master", "none"], None),
         ("bf16 moments, no remainder", ["--states", "bf16", "--master", "none"], None)]
TORCH_LIMIT = 0.002


def config():
    return Qwen2Config(vocab_size=256, hidden_size=512, intermediate_size=1536, num_hidden_layers=5, num_attention_heads=8,
                       num_key_value_heads=4, tie_word_embeddings=False, max_position_embeddings=1024, rope_theta=1e4)


def torch_device(device):
    return "cuda" if device.startswith("cuda") else "cpu"


def prepare(folder, text, seed, steps):
    """Writes the seed's weights, rows to train on and held-out rows."""
    torch.manual_seed(seed)
    AutoModelForCausalLM.from_config(config(), dtype=torch.float32).save_pretrained(os.path.join(folder, "model"))
    ids = np.frombuffer(text, dtype=np.uint8).astype(np.int32)
    held_out = len(ids) - len(ids) // 20
    starts = np.random.default_rng(seed).integers(0, held_out - LENGTH, size=steps * ROWS)
    np.save(os.path.join(folder, "train.npy"), np.stack([ids[s:s + LENGTH] for s in starts]))
    rows = min((len(ids) - held_out) // LENGTH, 512)
    np.save(os.path.join(folder, "held_out.npy"), ids[held_out:held_out + rows * LENGTH].reshape(rows, LENGTH))


def learning_rate(step, steps, low):
    """As in `horizon train`: of step 1, 2, ..."""
    if low:
        return LOW_LR
    warm_up = steps // 10
    if step <= warm_up:
        return LR * step / warm_up
    return LR * 0.5 * (1 + np.cos(np.pi * (step - warm_up) / (steps - warm_up)))


def horizon_loss(options, folder, arguments, low):
    log = tempfile.NamedTemporaryFile(suffix=".json", dir=folder, delete=False).name
    schedule = ["--lr", str(LOW_LR)] if low else ["--lr", str(LR), "--schedule", "cosine", "--warmup-steps", str(options.steps // 10)]
    subprocess.run([options.horizon, "train", "--device", options.device, "--model", os.path.join(folder, "model"),
                    "--data", os.path.join(folder, "train.npy"), "--eval-data", os.path.join(folder, "held_out.npy"),
                    "--no-shuffle", "--steps", str(options.steps), "--batch-size", str(ROWS), "--threads", "2",
                    "--optimizer-threads", "2", "--log-json", log, *schedule, *arguments], check=True, stdout=subprocess.DEVNULL)
    with open(log) as file:
        loss = [line["eval_loss"] for line in map(json.loads, file) if "eval_loss" in line][-1]
    print(f"  horizon {' '.join([*schedule, *arguments])}: {loss:.4f}", file=sys.stderr, flush=True)
    return loss


def torch_loss(options, folder, low, rounded):
    device = torch_device(options.device)
    training = MasterTraining(os.path.join(folder, "model"), device, rounded)
    rows = ids_tensor(np.load(os.path.join(folder, "train.npy")), device)
    for step in range(1, options.steps + 1):
        training.step(rows[(step - 1) * ROWS:step * ROWS], learning_rate(step, options.steps, low))
    held_out = ids_tensor(np.load(os.path.join(folder, "held_out.npy")), device)
    with torch.no_grad():
        losses = [loss_of(training.model, batch).item() * len(batch) for batch in held_out.split(ROWS)]
    loss = sum(losses) / len(held_out)
    print(f"  PyTorch low={low} rounded={rounded}: {loss:.4f}", file=sys.stderr, flush=True)
    return loss


def compare(name, losses, exact, limit):
    """Prints a form's losses and their mean difference from exact states'; returns whether it is within the limit."""
    differences = np.array([a / b - 1 for a, b in zip(losses, exact)])
    error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else float("nan")
    good = limit is None or abs(differences.mean()) <= limit
    print(f"{name:28s} {' '.join(f'{loss:.4f}' for loss in losses)}  mean {differences.mean():+.3%} (standard error {error:.3%})"
          + ("" if limit is None else f", {'within' if good else 'NOT WITHIN'} {limit:.1%}"), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("horizon")
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--exact-only", action="store_true")
    options = parser.parse_args()
    forms = FORMS[:1] if options.exact_only else FORMS
    with open(options.text, "rb") as file:
        text = file.read()

    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(options.jobs) as pool:
        seeds = list(range(1, options.seeds + 1))
        folders = {seed: os.path.join(work, str(seed)) for seed in seeds}
        for seed in seeds:
            os.makedirs(folders[seed])
            prepare(folders[seed], text, seed, options.steps)
        parameters = sum(p.numel() for p in AutoModelForCausalLM.from_config(config()).parameters())
        print(f"{parameters / 1e6:.1f} M parameters, {options.steps} steps of {ROWS} rows of {LENGTH} bytes, held-out loss of seeds {seeds}", flush=True)

        ours = {name: [pool.submit(horizon_loss, options, folders[seed], arguments, False) for seed in seeds] for name, arguments, _ in forms}
        ours_low = pool.submit(horizon_loss, options, folders[1], [], True)
        # PyTorch's runs one after the other, beside ours.
        exact_torch = [torch_loss(options, folders[seed], False, False) for seed in seeds]
        low_torch = torch_loss(options, folders[1], True, False)
        low_rounded = torch_loss(options, folders[1], True, True)

        exact = [future.result() for future in ours["exact"]]
        good = compare("exact", exact, exact, None)
        good &= compare("PyTorch, fp32 master", exact_torch, exact, TORCH_LIMIT)
        for name, _, limit in forms[1:]:
            good &= compare(name, [future.result() for future in ours[name]], exact, limit)
        print(f"at a constant {LOW_LR}: exact {ours_low.result():.4f}, PyTorch with fp32 master {low_torch:.4f}, bf16 weights rounded to nearest "
              f"{low_rounded:.4f} ({low_rounded / ours_low.result() - 1:+.2%})")
        good &= low_rounded > 1.01 * ours_low.result()
    print("as wanted" if good else "NOT as wanted")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
