#!/usr/bin/env python3
"""Holds the library against the transformers that is installed, family by family, and prints a table. By hand: it takes minutes.

    bazel build //bindings/python:wheel && pip install bazel-bin/bindings/python/*.whl     (beside torch and transformers)
    python3 tools/check_families.py [--device cuda:0] [--seed 7] [--variants 20 [--wild]] [NAME...]

For each entry of tools/goldens/families (all, or those named) transformers builds and saves a tiny model with weights from the seed. Both
sides then compute log-probabilities of the same documents and take six AdamW steps with clipping in float32; what the library saved
is loaded by transformers again, whole. The table has a line a family: the version of transformers and the worst differences,
or why there are none. With --variants other models of the families follow, whose shapes and options are drawn (families/variants.py); with --wild
more of them is drawn (families/variants_wild.py), and what transformers itself cannot run is a line of its own. One that is off is
printed with its config. Exit status 1 where a family that is taken is further off than the limits.
"""

import argparse
import dataclasses
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "goldens"))

import numpy as np
import torch
import transformers

import cases
import horizonlm
import make_family_goldens as goldens
import make_router_goldens as routers
import training
from families import model as models
from families import tables
from families import variants as others
from families import variants_dense
from families import variants_wild

BY_TYPE = others.BY_TYPE | variants_dense.BY_TYPE

STEPS = 6
# What may differ: a log-probability; a step's loss and gradient norm, relative; the loss of the saved folder, relative.
LIMITS = {"log-probability": 1e-4, "loss": 3e-4, "norm": 2e-3, "saved": 2e-3}


class Refused(Exception):
    pass


class Impossible(Exception):
    """What was drawn transformers cannot build, run or read again."""


def transformers_side(folder, batches, options):
    model = models.load(folder, torch.float64)
    log_p = torch.log_softmax(training.batch_logits(models.logits_of(model), batches[0]), dim=-1)
    parameters, balancing = models.trained_parameters(model), balancing_of(model)

    def backward(batch):
        loss = balancing(batch) if balancing else training.batch_loss(models.logits_of(model), batch)
        loss.backward()
        return float(loss.detach())

    return log_p.numpy(), training.take_steps(list(parameters.values()), backward, batches, options, STEPS)


def balancing_of(model):
    """A batch's loss with what output_router_logits adds to it, by all tokens of the batch; None where the config does not ask for it."""
    text = model.config.get_text_config()
    function = routers.balancing_of(model) if getattr(text, "output_router_logits", False) else None
    if function is None:
        return None

    def loss(batch):
        cross_entropy, _, together, _ = routers.evaluate(model, batch, function)
        return cross_entropy + text.router_aux_loss_coef * together

    return loss


def batch_of(batch):
    return horizonlm.Batch(**{key: batch[key] for key in ("ids", "offsets", "labels", "weights", "denominator")})


def library_side(folder, saved, batches, options, device):
    rows = max(len(batch["offsets"]) - 1 for batch in batches)
    longest = max(int(np.diff(batch["offsets"]).max()) for batch in batches)
    optimizer = {key: value for key, value in options.items() if key != "grad_clip"}
    try:
        opened = horizonlm.Model.open(folder)
        plan = opened.plan(device=device, compute="f32", batch_size=rows, seq_len=longest, grad_clip=options["grad_clip"])
    except horizonlm.UnimplementedError as error:
        raise Refused(str(error).splitlines()[0].replace(f"{folder}/", "")) from error
    with opened as model, plan, horizonlm.Trainer(model, plan, **optimizer) as trainer:
        logits = torch.from_numpy(trainer.logits(batch_of(batches[0]))).double()
        steps = [trainer.step(batch_of(batches[step % len(batches)])) for step in range(STEPS)]
        trainer.save_model(saved, dtype="f32")
        return torch.log_softmax(logits, dim=-1).numpy(), steps, trainer.evaluate(batch_of(batches[0])).loss


def relative(a, b):
    return abs(a - b) / max(abs(b), 1e-30)


def differences(family, device, work):
    options = {**cases.OPTIONS, **family.options}
    batches = goldens.batches_of(family)
    try:
        models.write(family, work / "model")
        expected_log_p, expected = transformers_side(work / "model", batches, options)
    except Exception as error:
        raise Impossible(f"{type(error).__name__}: {error}") from error
    log_p, steps, loss = library_side(work / "model", work / "saved", batches, options, device)
    saved = models.load(work / "saved", torch.float64)
    with torch.no_grad():
        saved_loss = float(training.batch_loss(models.logits_of(saved), batches[0]))
    return {
        "log-probability": float(np.abs(log_p - expected_log_p).max()),
        "loss": max(relative(a.loss, b["loss"]) for a, b in zip(steps, expected)),
        "norm": max(relative(a.grad_norm, b["grad_norm"]) for a, b in zip(steps, expected)),
        "saved": relative(saved_loss, loss),
    }


def line(family, device, drawn_wildly=False):
    """The family's line of the table, and whether all is well."""
    start = f"| {family.name} | {family.model_type} | {transformers.__version__} | "
    with tempfile.TemporaryDirectory() as work:
        try:
            found = differences(family, device, pathlib.Path(work))
        except Refused as refusal:
            return start + f"refused: {refusal} | | | |", True
        except Impossible as error:
            return start + f"transformers: {str(error).splitlines()[0]} | | | |", drawn_wildly
        except Exception as error:  # whatever either side raises is a line of the table
            return start + f"{type(error).__name__}: {str(error).splitlines()[0]} | | | |", False
    cells = [f"{found[what]:.1e}" + ("" if found[what] <= limit else ", too far off") for what, limit in LIMITS.items()]
    return start + " | ".join(cells) + " |", not any("too far off" in cell for cell in cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="goldens of tools/goldens/families; without names: all")
    parser.add_argument("--device", default="cpu", help="of the library; transformers computes on the CPU (cpu)")
    parser.add_argument("--variants", type=int, default=0, help="other models of each model type that has experts or mixes its layers (0)")
    parser.add_argument("--first", type=int, default=0, help="number of the first of those (0)")
    parser.add_argument("--wild", action="store_true", help="variants with all that families/variants_wild.py draws")
    parser.add_argument("--seed", type=int, default=1000, help="of the weights; the goldens have others (1000)")
    arguments = parser.parse_args()
    entries = tables.FAMILIES + tables.OTHERS
    unknown = sorted(set(arguments.names) - {family.name for family in entries})
    if unknown:
        parser.error(f"no family here is called {', '.join(unknown)}")
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print("| golden | model type | transformers | " + " | ".join(LIMITS) + " |")
    print("| --- | --- | --- |" + " --- |" * len(LIMITS))
    wrong = 0
    chosen = [family for family in entries if not arguments.names or family.name in arguments.names]
    of_type = {family.model_type: family for family in reversed(chosen)}
    for family in chosen:
        text, well = line(dataclasses.replace(family, seed=arguments.seed), arguments.device)
        print(text, flush=True)
        wrong += not well
    for family in of_type.values():
        draw = variants_wild.wild if arguments.wild else others.variants
        for other in draw(family, arguments.variants, BY_TYPE, arguments.first):
            text, well = line(other, arguments.device, drawn_wildly=arguments.wild)
            print(text if well else f"{text}\n    {other.about}", flush=True)
            wrong += not well
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
