#!/usr/bin/env python3
"""Makes the goldens of tests/golden: small models, batches, and what float64 arithmetic makes of them.

    python3 tools/goldens/make_goldens.py --out tests/golden/data            # all of them
    python3 tools/goldens/make_goldens.py --out tests/golden/data --missing  # those that are not there; the others stay

Needs torch, transformers, safetensors and numpy; runs on the CPU in about a minute. Before a golden is written it is held against
transformers' own model of that architecture (logits, gradients, the losses of ten AdamW steps), and it is
shown that each option which the golden is there for does change the logits. Everything is drawn from fixed seeds.
"""

import argparse
import dataclasses
import json
import pathlib
import platform
import shutil
import sys
import tempfile

import numpy as np
import safetensors
import torch
import transformers

import cases
import model_folder
import reference
import training

# transformers rounds to float32 inside norms, softmax and rotary angles: 6e-8 a rounding, some tens of them in a row.
# The norms of later steps see the weights' differences, which ten steps have let grow.
TRANSFORMERS_TOLERANCES = {"logits": 1e-5, "gradients": 1e-5, "losses": 1e-5, "grad_norms": 1e-4, "final_weights": 2e-5}
# An option counts as visible where leaving it out moves a logit by at least ten times what the tests allow.
VISIBLE = 1e-3


class GoldenError(Exception):
    pass


def require(condition, message):
    if not condition:
        raise GoldenError(message)


def relative(a, b):
    return float(torch.linalg.vector_norm((a - b).double()) / torch.linalg.vector_norm(b.double()))


def run(parameters, logits_of, batches, options):
    """Logits, loss and gradients on the first batch, then the steps. The parameters end as trained."""
    result = {"logits": training.batch_logits(logits_of, batches[0])}
    result["loss"], result["gradients"] = training.gradients(parameters, logits_of, batches[0])
    result["steps"] = training.train(parameters, logits_of, batches, options, cases.STEPS)
    result["final"] = {name: p.detach().clone() for name, p in parameters.items()}
    with torch.no_grad():
        result["final_loss"] = float(training.batch_loss(logits_of, batches[0]))
    return result


def compare(a, b):
    """The largest relative differences of two runs."""
    norm = max(float(torch.linalg.vector_norm(g.double())) for g in b["gradients"].values())
    weights = b["final"].items()
    return {
        "logits": float((a["logits"].double() - b["logits"].double()).abs().max()),
        "gradients": max(
            float(torch.linalg.vector_norm((a["gradients"][n] - g).double()))
            / (float(torch.linalg.vector_norm(g.double())) + 1e-3 * norm)
            for n, g in b["gradients"].items()
        ),
        "losses": max(abs(x["loss"] / y["loss"] - 1) for x, y in zip(a["steps"], b["steps"])),
        "grad_norms": max(abs(x["grad_norm"] / y["grad_norm"] - 1) for x, y in zip(a["steps"], b["steps"])),
        "final_weights": max(relative(a["final"][n], w) for n, w in weights),
        "final_weights_elementwise": max(float((a["final"][n].double() - w.double()).abs().max()) for n, w in weights),
    }


def only(weights, names):
    """Those of the weights with the names; the others get no gradient."""
    for name, weight in weights.items():
        weight.requires_grad_(name in names)
    return {name: weights[name] for name in names}


def run_transformers(folder, batches, options, names):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    model.eval()
    return run(only(dict(model.named_parameters()), names), lambda ids: model(ids[None], use_cache=False).logits[0], batches, options)


def options_left_out(spec, weights, config):
    """Variants of the model, each without one thing that its config.json or its weights ask for."""
    for i, window in enumerate(spec.windows):
        if window:
            windows = list(spec.windows)
            windows[i] = 0
            yield f"window of layer {i}", dataclasses.replace(spec, windows=tuple(windows)), weights
            windows[i] = window + 1
            yield f"exact window of layer {i}", dataclasses.replace(spec, windows=tuple(windows)), weights
        elif any(spec.windows):
            windows = [max(spec.windows)] * spec.layers
            yield "full attention beside windows", dataclasses.replace(spec, windows=tuple(windows)), weights
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = scaling.get("rope_theta", config.get("rope_theta", 10000.0))
    plain = tuple(reference.rotary_frequencies(spec.head_dim, theta, {}))
    if plain != spec.frequencies:
        yield "rotary scaling", dataclasses.replace(spec, frequencies=plain), weights
    if theta != 10000.0:
        other = tuple(reference.rotary_frequencies(spec.head_dim, 10000.0, scaling))
        yield "rotary theta", dataclasses.replace(spec, frequencies=other), weights
    if spec.eps > 1e-5:
        yield "norm epsilon", dataclasses.replace(spec, eps=1e-5), weights
    for ending in (f"{projection}_proj.bias" for projection in ("q", "k", "v", "o", "gate", "up", "down")):
        if any(name.endswith(ending) for name in weights):
            yield ending, spec, {n: w for n, w in weights.items() if not n.endswith(ending)}
    if any(name.endswith("q_norm.weight") for name in weights):
        yield "query and key norms", spec, {n: w for n, w in weights.items() if "_norm.weight" not in n or "self_attn" not in n}
    if not spec.tied:
        head = {**weights, "lm_head.weight": weights["model.embed_tokens.weight"]}
        yield "untied head", spec, head


def check_visible(case, spec, weights, config, batch, logits):
    for option, other_spec, other_weights in options_left_out(spec, weights, config):
        other = training.batch_logits(lambda ids: reference.forward(other_spec, other_weights, ids), batch)
        change = float((other - logits).abs().max())
        require(change > VISIBLE, f"{case.name}: leaving out {option} moves no logit by more than {change:.1e}")


def make(case, folder):
    """Writes one golden folder and returns its entry in the manifest."""
    drawn = cases.draw_weights(case)
    model_folder.write(case, drawn, folder / "model")
    config = json.loads((folder / "model" / "config.json").read_text())
    spec = reference.read_spec(config)
    options = {**cases.OPTIONS, **case.options}
    batches = [cases.make_batch(case, i) for i in range(len(case.batches))]

    weights = model_folder.read(folder / "model", drawn)
    with torch.no_grad():
        logits = training.batch_logits(lambda ids: reference.forward(spec, weights, ids), batches[0])
        check_visible(case, spec, weights, config, batches[0], logits)
    names = cases.trained_names(case, drawn)
    golden = run(only(weights, names), lambda ids: reference.forward(spec, weights, ids), batches, options)

    against_transformers = compare(run_transformers(folder / "model", batches, options, names), golden)
    for what, limit in TRANSFORMERS_TOLERANCES.items():
        difference = against_transformers[what]
        require(difference < limit, f"{case.name}: {what} differ from transformers' by {difference:.1e}, limit {limit}")
    single = {n: w.detach().float().requires_grad_() for n, w in model_folder.read(folder / "model", drawn).items()}
    in_float32 = compare(run(only(single, names), lambda ids: reference.forward(spec, single, ids), batches, options), golden)

    clipped = sum(step["grad_norm"] > options["grad_clip"] for step in golden["steps"])
    require(clipped >= cases.STEPS * 0.6, f"{case.name}: only {clipped} steps were clipped")
    require(golden["final_loss"] < 0.93 * golden["loss"], f"{case.name}: the loss fell only to {golden['final_loss']}")
    require(min(abs(step["loss"]) for step in golden["steps"]) > 0.5, f"{case.name}: a loss is too small for relative tolerances")

    write_golden(case, folder, drawn, batches, options, golden)
    return {"made_with": made_with(), "clipped_steps": clipped, "against_transformers": against_transformers,
            "float32_against_float64": in_float32}


def write_golden(case, folder, drawn, batches, options, golden):
    arrays = model_folder.ArrayFile()
    batch_entries = []
    for i, batch in enumerate(batches):
        arrays.add(f"batch{i}/ids", batch["ids"], "<i4")
        arrays.add(f"batch{i}/offsets", batch["offsets"], "<i8")
        if batch["labels"] is not None:
            arrays.add(f"batch{i}/labels", batch["labels"], "<i4")
        if batch["weights"] is not None:
            arrays.add(f"batch{i}/weights", batch["weights"], "<f4")
        batch_entries.append({"kind": case.batches[i], "denominator": batch["denominator"],
                              "tokens": training.predicted_tokens(batch)})
    arrays.add("logits", golden["logits"].numpy(), "<f4")
    for name in golden["final"]:
        arrays.add("gradient/" + name, golden["gradients"][name].numpy(), "<f4")
        arrays.add("final/" + name, golden["final"][name].numpy(), "<f4")
    description = {
        "name": case.name,
        "about": case.about,
        "training": options,
        "batches": batch_entries,
        "loss": golden["loss"],
        "final_loss": golden["final_loss"],
        "steps": golden["steps"],
        "parameters": [{"name": n, "shape": list(w.shape)} for n, w in golden["final"].items()],
        **({"buffers": [n for n in drawn if n not in golden["final"]]} if len(golden["final"]) < len(drawn) else {}),
        **({"freeze": case.freeze} if case.freeze else {}),
        **({"train_only": case.train_only} if case.train_only else {}),
        "arrays": arrays.index,
    }
    (folder / "arrays.bin").write_bytes(arrays.data)
    (folder / "golden.json").write_text(compact_json(description))


def compact_json(description):
    """One line an entry of the long lists, so that a change of the goldens reads well as a diff."""
    lines = []
    for key, value in description.items():
        if isinstance(value, list) and value:
            body = ",\n".join("  " + json.dumps(v) for v in value)
            lines.append(f" {json.dumps(key)}: [\n{body}\n ]")
        elif isinstance(value, dict) and value:
            body = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{body}\n }}")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def made_with():
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "safetensors": safetensors.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "device": "cpu",
        "arithmetic": "float64",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write; goldens in it are replaced")
    parser.add_argument("--missing", action="store_true", help="keep the goldens that are there, make those that are not")
    arguments = parser.parse_args()
    out = arguments.out
    if out.exists() and any(out.iterdir()) and not (out / "manifest.json").is_file():
        raise GoldenError(f"{out} is not empty and holds no goldens")
    there = {}
    if arguments.missing and (out / "manifest.json").is_file():
        there = json.loads((out / "manifest.json").read_text())["goldens"]
    torch.set_num_threads(1)  # the same order of additions on every machine
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=out.name + ".", dir=out.parent))
    try:
        manifest = {"goldens": {}}
        for case in cases.CASES:
            if case.name in there:
                shutil.copytree(out / case.name, beside / case.name)
                manifest["goldens"][case.name] = there[case.name]
                continue
            entry = make(case, beside / case.name)
            manifest["goldens"][case.name] = entry
            print(case.name, json.dumps(entry), flush=True)
        (beside / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        if out.exists():
            shutil.rmtree(out)
        beside.chmod(0o755)
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except GoldenError as error:
        sys.exit(f"make_goldens: {error}")
