#!/usr/bin/env python3
"""Measures what bf16 costs PyTorch itself on the goldens of the families: tests/golden/families/bf16.json, by which the tests judge ours.

    python3 tools/goldens/measure_bf16.py --goldens tests/golden/families            # those that bf16.json lacks
    python3 tools/goldens/measure_bf16.py --goldens tests/golden/families NAME...    # these, anew
    python3 tools/goldens/measure_bf16.py --goldens ... --device cuda:0 NAME...      # what its kernels for a GPU cost, as "cuda" beside it

transformers computes in bf16, weights and all, and PyTorch's AdamW updates float32 masters of them. For each golden: how far the losses of
the first three steps are off float64's, relative, and those of all ten and the one after them; and of the parameters' gradients of the
first batch the furthest, relative to its norm. A gradient of less than a thousandth of the norm of all is measured against that.

Needs what make_family_goldens.py needs.
"""

import argparse
import json
import math
import pathlib
import sys

import torch
import transformers

import cases
import training
from families import model as models
from families import tables
from make_family_goldens import batches_of

EARLY = 3  # steps


class Masters:
    """float32 parameters, of which a bf16 model is a copy: its gradients are theirs."""

    def __init__(self, model, device):
        model = model.to(device)
        self.copies = models.trained_parameters(model)
        self.values = {name: p.detach().float().requires_grad_() for name, p in self.copies.items()}
        logits = models.logits_of(model)
        self.logits = lambda ids: logits(ids.to(device)).float().cpu()

    def loss(self, batch):
        with torch.no_grad():
            for name, copy in self.copies.items():
                copy.copy_(self.values[name])
                copy.grad = None
        return training.batch_loss(self.logits, batch)

    def backward(self, batch):
        loss = self.loss(batch)
        loss.backward()
        for name, copy in self.copies.items():
            self.values[name].grad = torch.zeros_like(self.values[name]) if copy.grad is None else copy.grad.float()
        return float(loss.detach())


def measure(family, folder, device):
    golden = json.loads((folder / "golden.json").read_text())
    batches = batches_of(family)
    exact = models.load(folder / "model", torch.float64)
    _, gradients = training.gradients(models.trained_parameters(exact), models.logits_of(exact), batches[0])
    masters = Masters(models.load(folder / "model", torch.bfloat16), device)
    masters.backward(batches[0])
    whole = math.sqrt(sum(float(g.norm()) ** 2 for g in gradients.values()))
    worst = max(float((masters.values[name].grad.double().cpu() - g).norm()) / max(float(g.norm()), 1e-3 * whole)
                for name, g in gradients.items())
    steps = training.take_steps(list(masters.values.values()), masters.backward, batches, golden["training"], cases.STEPS)
    with torch.no_grad():
        final = float(masters.loss(batches[0]))
    off = [abs(own["loss"] / exact_step["loss"] - 1) for own, exact_step in zip(steps, golden["steps"])]
    later = max(*off, abs(final - golden["final_loss"]) / max(1.0, golden["final_loss"]))
    return {"early_losses": round(max(off[:EARLY]), 5), "losses": round(later, 5), "gradients": round(worst, 4)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="goldens to measure anew; without names: those that are not in bf16.json")
    parser.add_argument("--goldens", required=True, type=pathlib.Path, help="their folder")
    parser.add_argument("--device", default="cpu", help="cpu (default) or a GPU, on which transformers takes other kernels if they are installed")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    path = arguments.goldens / "bf16.json"
    measured = json.loads(path.read_text()) if path.is_file() else {}
    names = json.loads((arguments.goldens / "manifest.json").read_text())["goldens"]
    failed = 0
    for family in tables.FAMILIES:
        if family.name not in names or family.name not in (arguments.names or set(names) - set(measured)):
            continue
        try:
            costs = measure(family, arguments.goldens / family.name, arguments.device)
        except Exception as error:  # the others are measured all the same
            print(f"{family.name}: {error}", file=sys.stderr)
            failed += 1
            continue
        print(family.name, json.dumps(costs), flush=True)
        if arguments.device == "cpu":
            measured[family.name] = {**measured.get(family.name, {}), **costs}
        else:
            measured[family.name]["cuda"] = costs
        lines = [f' "{name}": {json.dumps(measured[name])}' for name in sorted(measured)]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
