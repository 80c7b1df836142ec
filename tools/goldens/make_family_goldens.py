#!/usr/bin/env python3
"""Makes the goldens of the families: tiny models that transformers builds, saves and runs, and what its own code makes of them.

    python3 tools/goldens/make_family_goldens.py --out tests/golden/families             # those that are not there
    python3 tools/goldens/make_family_goldens.py --out tests/golden/families NAME...     # these, anew

Needs torch, transformers, safetensors and numpy; runs on the CPU. The files are those of tests/golden/data, with parameters under the
names and in the rows that the model's files have. A golden is written only if
- transformers loads the folder with no tensor missing or left over;
- each thing in the family's `without` moves a logit when it is taken away, and every parameter has a gradient;
- float32 agrees with float64 within a third of what the tests allow, and so does float64 with weights that are moved by one unit of
  float32's last place first: where it does not, what float32 holds is chance; most steps are clipped, and the loss falls.
"""

import argparse
import json
import pathlib
import re
import shutil
import sys
import tempfile
import traceback
import types

import torch
import transformers

import cases
import model_folder
import training
from families import tables
from families import model as models
from make_goldens import VISIBLE, GoldenError, compact_json, compare, made_with, require, run

# What float32, in another order of additions than float64, may cost: a third of the tests' tolerances.
FLOAT32_TOLERANCES = {"logits": 3e-5, "gradients": 3e-5, "losses": 3e-5, "grad_norms": 3e-4, "final_weights": 3e-5}


def batches_of(family):
    case = types.SimpleNamespace(seed=len(family.about), batches=family.batches, config={"vocab_size": family.vocab}, lengths=family.lengths)
    return [cases.make_batch(case, i) for i in range(len(family.batches))]


def trained_as(folder, dtype, batches, options):
    model = models.load(folder, dtype)
    return model, run(models.trained_parameters(model), models.logits_of(model), batches, options)


def check_visible(family, folder, batch, logits):
    weights = models.load(folder, torch.float64).state_dict()
    for what, changes in family.without.items():
        with models.exact():
            other = models.new_model(models.config_of(family, **changes), torch.float64)
            for name, value in other.state_dict().items():
                if name in weights and weights[name].shape == value.shape:
                    value.copy_(weights[name])
        change = float((training.batch_logits(models.logits_of(other), batch) - logits).abs().max())
        require(change > VISIBLE, f"{family.name}: without {what}, no logit moves by more than {change:.1e}")


def check_heard(family, gradients):
    whole = max(float(g.norm()) for g in gradients.values())
    for name, gradient in gradients.items():
        if not any(re.search(pattern, name) for pattern in family.silent):
            require(float(gradient.norm()) > 1e-5 * whole, f"{family.name}: {name} has hardly a gradient")


def check_steady(family, folder, batches, options, golden):
    for lot in range(3):
        model = models.load(folder, torch.float64)
        parameters = models.trained_parameters(model)
        draws = torch.Generator().manual_seed(lot)
        with torch.no_grad():
            for value in parameters.values():
                value.add_(value.abs() * 2.0**-23 * (2 * torch.randint(0, 2, value.shape, generator=draws) - 1))
        moved = compare(run(parameters, models.logits_of(model), batches, options), golden)
        for what in ("losses", "grad_norms", "final_weights"):
            limit = FLOAT32_TOLERANCES[what]
            require(moved[what] < limit, f"{family.name}: {what} differ by {moved[what]:.1e} where weights are moved, limit {limit}")


def make(family, folder):
    """Writes one golden folder and returns its entry in the manifest."""
    models.write(family, folder / "model")
    options = {**cases.OPTIONS, **family.options}
    batches = batches_of(family)
    model, golden = trained_as(folder / "model", torch.float64, batches, options)
    check_visible(family, folder / "model", batches[0], golden["logits"])
    check_heard(family, golden["gradients"])

    _, single = trained_as(folder / "model", torch.float32, batches, options)
    in_float32 = compare(single, golden)
    print(family.name, json.dumps(in_float32), golden["loss"], golden["final_loss"],
          [round(s["grad_norm"], 2) for s in golden["steps"]], flush=True)
    for what, limit in FLOAT32_TOLERANCES.items():
        require(in_float32[what] < limit, f"{family.name}: {what} in float32 differ by {in_float32[what]:.1e}, limit {limit}")
    check_steady(family, folder / "model", batches, options, golden)
    clipped = sum(step["grad_norm"] > options["grad_clip"] for step in golden["steps"])
    require(clipped >= cases.STEPS * 0.6, f"{family.name}: only {clipped} steps were clipped")
    require(golden["final_loss"] < 0.93 * golden["loss"], f"{family.name}: the loss fell only to {golden['final_loss']}")
    write_golden(family, folder, model, batches, options, golden)
    return {"model_type": family.model_type, "made_with": made_with(), "clipped_steps": clipped,
            "float32_against_float64": in_float32}


def widths(family, model, tensors):
    """What a device's products and heads have as widths: the inputs of the matrices, and the heads' sizes."""
    text = {**family.config, **model.config.get_text_config().to_dict()}
    heads = [value for key, value in text.items() if re.search(r"(^|_)(head_dim|d_head|headdim)$", key) and isinstance(value, int)]
    return sorted({tensor.shape[-1] for tensor in tensors.values() if tensor.dim() == 2 and len(tensor) > 1} | set(heads))


def write_golden(family, folder, model, batches, options, golden):
    trained, buffers = models.parameter_names_on_disk(model)
    gradients = models.on_disk(model, golden["gradients"])
    final = models.on_disk(model, golden["final"])
    arrays = model_folder.ArrayFile()
    batch_entries = []
    for i, batch in enumerate(batches):
        for name, dtype in (("ids", "<i4"), ("offsets", "<i8"), ("labels", "<i4"), ("weights", "<f4")):
            if batch[name] is not None:
                arrays.add(f"batch{i}/{name}", batch[name], dtype)
        batch_entries.append({"kind": family.batches[i], "denominator": batch["denominator"],
                              "tokens": training.predicted_tokens(batch)})
    arrays.add("logits", golden["logits"].numpy(), "<f4")
    for name in trained:
        arrays.add("gradient/" + name, gradients[name].numpy(), "<f4")
        arrays.add("final/" + name, final[name].numpy(), "<f4")
    description = {
        "name": family.name,
        "about": family.about,
        "training": options,
        "batches": batch_entries,
        "loss": golden["loss"],
        "final_loss": golden["final_loss"],
        "steps": golden["steps"],
        "parameters": [{"name": n, "shape": list(final[n].shape)} for n in trained],
        "buffers": buffers,
        "widths": widths(family, model, final),
        "arrays": arrays.index,
    }
    (folder / "arrays.bin").write_bytes(arrays.data)
    (folder / "golden.json").write_text(compact_json(description))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="goldens to make anew; without names: those that are not there")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder of the goldens")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the same order of additions on every machine
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    arguments.out.mkdir(parents=True, exist_ok=True)
    listing = arguments.out / "manifest.json"
    manifest = json.loads(listing.read_text()) if listing.is_file() else {"goldens": {}}
    entries = tables.FAMILIES
    unknown = sorted(set(arguments.names) - {family.name for family in entries})
    require(not unknown, f"no family here is called {', '.join(unknown)}")
    failures = []
    for family in entries:
        if family.name not in (arguments.names or {f.name for f in entries} - set(manifest["goldens"])):
            continue
        with tempfile.TemporaryDirectory() as beside:
            try:
                entry = make(family, pathlib.Path(beside) / family.name)
            except Exception as error:  # the others are made all the same
                failures.append(f"{family.name}: {error}")
                if not isinstance(error, GoldenError):
                    traceback.print_exc()
                continue
            shutil.rmtree(arguments.out / family.name, ignore_errors=True)
            shutil.copytree(pathlib.Path(beside) / family.name, arguments.out / family.name)
        manifest["goldens"][family.name] = entry
        manifest["goldens"] = {f.name: manifest["goldens"][f.name] for f in entries if f.name in manifest["goldens"]}
        listing.write_text(json.dumps(manifest, indent=1) + "\n")
    require(not failures, "not made:\n" + "\n".join(failures))


if __name__ == "__main__":
    try:
        main()
    except GoldenError as error:
        sys.exit(f"make_family_goldens: {error}")
