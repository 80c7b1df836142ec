#!/usr/bin/env python3
"""Adds router.json to the goldens of families whose transformers class has a load-balancing loss.

    python3 tools/goldens/make_router_goldens.py --out tests/golden/families [NAME...]

Of the first batch, in float64 with transformers' own function: the loss of each document alone and that of all its tokens together, and
of "cross-entropy + coefficient * the latter" the gradient norm of every tensor of the files, and the routers' whole gradients. The same
under "sequence" with the mean of the documents' losses, each weighed by its tokens, and under "z" with the mean of
logsumexp(logits)^2 over all routers and tokens.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import torch
import transformers

import training
from families import model as models
from families import tables
from make_family_goldens import batches_of

COEFFICIENT = 0.3  # large beside the usual 0.001, so that a wrong gradient shows


def balancing_of(model):
    """The function of the model's module, and its numbers; None where the class has none, or the model no experts."""
    function = getattr(sys.modules[type(model).__module__], "load_balancing_loss_func", None)
    if function is None or not experts_of(model):
        return None
    return lambda layers: function(tuple(layers), experts_of(model), chosen_of(model))


def experts_of(model):
    """Of a model inside something larger: those of its text part."""
    return getattr(model, "num_experts", None) or getattr(model.config.get_text_config(), "num_experts", 0)


def chosen_of(model):
    return getattr(model, "num_experts_per_tok", None) or model.config.get_text_config().num_experts_per_tok


def evaluate(model, batch, balancing):
    """Losses: of the batch, of each document's routers, of all routers together; and the mean of logsumexp(logits)^2."""
    with models.exact():
        outputs = [model(input_ids=ids[None], use_cache=False, output_router_logits=True) for ids, _, _ in training.documents(batch)]
        predicting = [bool((targets != training.IGNORED).any()) for _, targets, _ in training.documents(batch)]
        logits = iter([output.logits[0] for output, predicts in zip(outputs, predicting) if predicts])  # batch_loss skips the others
        loss = training.batch_loss(lambda ids: next(logits), batch)
        layers = [[rows.reshape(-1, rows.shape[-1]) for rows in output.router_logits] for output in outputs]
        together = [torch.cat(rows) for rows in zip(*layers)]
        z = torch.logsumexp(torch.cat(together), dim=-1).square().mean()
        return loss, [balancing(rows) for rows in layers], balancing(together), z


def make(folder, batch):
    model = models.load(folder / "model", torch.float64)
    balancing = balancing_of(model)
    if balancing is None:
        return False
    parameters = models.trained_parameters(model)
    trained, _ = models.parameter_names_on_disk(model)
    lengths = torch.tensor(np.diff(batch["offsets"]), dtype=torch.float64)

    def terms():
        """Cross-entropy, the documents' losses, and the terms by name: built anew for each gradient."""
        loss, documents, together, z = evaluate(model, batch, balancing)
        sequence = (torch.stack(documents) * lengths / lengths.sum()).sum()
        return loss, documents, {"together": together, "sequence": sequence, "z": z}

    def of(name):
        """The gradients of the whole loss with a term."""
        loss, _, named = terms()
        gradients = torch.autograd.grad(loss + COEFFICIENT * named[name], list(parameters.values()))
        on_disk = models.on_disk(model, dict(zip(parameters, gradients)))
        routers = [name for name in trained if on_disk[name].dim() == 2 and on_disk[name].shape[0] == experts_of(model)]
        return {
            "gradient_norms": {name: float(on_disk[name].norm()) for name in trained},
            "router_gradients": {name: on_disk[name].flatten().tolist() for name in routers},
        }

    loss, documents, named = terms()
    result = {
        "coefficient": COEFFICIENT,
        "cross_entropy": float(loss.detach()),
        "documents": [float(value.detach()) for value in documents],
        "together": float(named["together"].detach()),
        **of("together"),
        "sequence": {"value": float(named["sequence"].detach()), **of("sequence")},
        "z": {"value": float(named["z"].detach()), **of("z")},
    }
    (folder / "router.json").write_text(json.dumps(result, indent=1) + "\n")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="goldens; without names: all that have experts")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder of the goldens")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for family in tables.FAMILIES:
        folder = arguments.out / family.name
        if (not arguments.names or family.name in arguments.names) and (folder / "golden.json").is_file():
            if make(folder, batches_of(family)[0]):
                print(family.name, flush=True)


if __name__ == "__main__":
    main()
