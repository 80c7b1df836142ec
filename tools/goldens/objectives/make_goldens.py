#!/usr/bin/env python3
"""Losses of a tiny model and the gradients of its weights, for every objective, by PyTorch's automatic differentiation in float64.

    make_goldens.py > tests/objective/model_goldens.json

Needs PyTorch and safetensors, no GPU. The model is a golden's (tests/golden/data), read and computed as for those (reference.py); the losses
are those of make_objective_goldens.py, written as the papers have them. Of each tensor's gradient the file holds the norm and the product with
a vector of signs: both right and the gradient wrong is nothing that happens.
"""

import argparse
import json
import pathlib
import random
import struct
import sys

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from make_objective_goldens import KINDS, Torch, kto_loss, pair_loss, policy_loss  # noqa: E402
from model_folder import read  # noqa: E402
from reference import forward, read_spec  # noqa: E402

MODEL = "llama2"
LENGTHS = [9, 6, 8, 11, 5, 7]  # documents; 2 i and 2 i + 1 are a pair
PROMPTS = [3, 2, 4, 5, 1, 3]   # their first tokens, which do not count


def single(x):
    """The nearest float32: what the arrays of a batch hold."""
    return struct.unpack("f", struct.pack("f", x))[0]


def tensor_names(config):
    names = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    parts = ["input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
             "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
    return names + [f"model.layers.{layer}.{part}.weight" for layer in range(config["num_hidden_layers"]) for part in parts]


def sign(i):
    return 1.0 if (i * 2654435761 % 2**32) >> 16 & 1 else -1.0


class Objectives:
    def __init__(self):
        self.b = Torch()
        folder = HERE.parent.parent.parent / "tests/golden/data" / MODEL / "model"
        config = json.loads((folder / "config.json").read_text())
        self.spec = read_spec(config)
        self.weights = read(folder, tensor_names(config))
        self.signs = {name: torch.tensor([sign(i) for i in range(w.numel())]) for name, w in self.weights.items()}
        r = self.r = random.Random(7)
        self.documents = [[r.randrange(self.spec.vocab) for _ in range(n)] for n in LENGTHS]
        self.mask = [[0.0 if t < prompt else r.choice([1.0, 1.0, 0.5]) for t in range(n)] for n, prompt in zip(LENGTHS, PROMPTS)]
        self.cases = []

    def run(self, temperature=1.0):
        """(log-probabilities, entropies) of each document's tokens; a first token has 0 of both."""
        out = []
        for ids in self.documents:
            ids = torch.tensor(ids)
            log_p = torch.log_softmax(forward(self.spec, self.weights, ids)[:-1] / temperature, dim=-1)
            zero = torch.zeros(1)
            out.append((torch.cat([zero, log_p.gather(1, ids[1:, None])[:, 0]]), torch.cat([zero, -(log_p.exp() * log_p).sum(-1)])))
        return out

    def add(self, kind, options, loss):
        gradients = torch.autograd.grad(loss, list(self.weights.values()))
        entry = {"objective": kind, **options, "loss": float(loss.detach()), "gradient": {}}
        for (name, _), g in zip(self.weights.items(), gradients):
            entry["gradient"][name] = [float(g.norm()), float((g.flatten() * self.signs[name]).sum())]
        self.cases.append(entry)

    def sums(self):
        return [(torch.tensor(m) * lp).sum() for m, (lp, _) in zip(self.mask, self.run())]

    def cross_entropies(self, tilts):
        mass = sum(map(sum, self.mask))
        for temperature, denominator, tilted in [(1.0, 0.0, False), (1.3, 0.0, False), (1.0, 3.5, True), (0.7, 11.0, True)]:
            loss = 0.0
            for m, e, (lp, entropy) in zip(self.mask, tilts, self.run(temperature)):
                loss = loss - (torch.tensor(m) * lp).sum() + ((torch.tensor(e) * entropy).sum() if tilted else 0.0)
            self.add("cross_entropy", {"temperature": temperature, "denominator": denominator, "entropy": tilted}, loss / (denominator or mass))

    def preferences(self, references):
        counts = [sum(m) for m in self.mask]
        pairs = len(LENGTHS) // 2
        for number, kind in enumerate(KINDS):
            for e in [0.0, 0.1] if kind in ("sigmoid", "robust", "sigmoid_norm", "exo_pair", "simpo") else [0.0]:
                beta, gamma, sft = (0.05 if kind == "hinge" else 0.3), 0.2, (0.25 if number % 2 else 0.0)
                s, loss = self.sums(), 0.0
                refs = [0.0] * len(s) if kind in ("orpo", "simpo") else references
                for i in range(pairs):
                    w, l = 2 * i, 2 * i + 1
                    loss = loss + pair_loss(self.b, kind, beta, gamma, e, s[w], s[l], counts[w], counts[l], refs[w], refs[l])
                    loss = loss + (sft + (kind == "orpo")) * -s[w] / counts[w]
                options = {"kind": number, "name": kind, "beta": beta, "gamma": gamma, "label_smoothing": e, "sft_weight": sft}
                self.add("preference", options, loss / pairs)

    def unpaired(self, references, desirable):
        for kl in [0.0, 0.7]:
            s = self.sums()
            terms = [kto_loss(self.b, 0.15, 1.2, 0.8, good, kl, one, ref) for one, good, ref in zip(s, desirable, references)]
            options = {"beta": 0.15, "desirable_weight": 1.2, "undesirable_weight": 0.8, "kl": kl}
            self.add("unpaired", options, sum(terms) / len(terms))

    def policies(self, advantages, old, reference, rollout):
        base = {"kind": "clip", "ratio": "token", "reduction": "token_mean", "kl": "k3", "low": 0.17, "high": 0.23, "dual": 0.0, "kl_weight": 0.0,
                "cap": 1.04, "entropy_weight": 0.0, "denominator": 0.0}
        variants = [{}, {"low": 0.1, "high": 0.3}, {"dual": 1.26}, {"dual": 1.26, "ratio": "sequence"}, {"kind": "cispo"}, {"entropy_weight": 0.02},
                    {"cap": 0.0}, {"denominator": 13.0}]
        variants += [{"kl": kl, "kl_weight": 0.1} for kl in ("k1", "k2", "k3", "abs")]
        variants += [{"reduction": reduction, "ratio": ratio, "kl_weight": 0.05} for reduction in ("sequence_mean", "sequence_sum") for ratio in ("token", "sequence")]
        mass = sum(map(sum, self.mask))
        for change in variants:
            o, loss = {**base, **change}, 0.0
            denominator = o["denominator"] or (mass if o["reduction"] == "token_mean" else float(len(LENGTHS)))
            for d, (lp, entropy) in enumerate(self.run()):
                loss = loss + policy_loss(self.b, {**o, "denominator": denominator}, lp, self.mask[d], advantages[d], old[d], reference[d], rollout[d], entropy)
            self.add("policy", o, loss)

    def make(self):
        with torch.no_grad():
            lps = [lp.tolist() for lp, _ in self.run()]
            sums = [float(s) for s in self.sums()]
        r = self.r
        references = [s + r.gauss(0, 2) for s in sums]
        desirable = [1, 0, 0, 1, 1, 0]
        # Ratios of all sizes, none near a bound: float32 and float64 must fall on the same side of it.
        at = lambda d, t: LENGTHS[0] * d + t
        old = [[single(x + 0.15 * (at(d, t) % 5 - 2) + 0.3 * (d % 3 - 1) + 0.007) for t, x in enumerate(lp)] for d, lp in enumerate(lps)]
        rollout = [[single(x + 0.05 * (at(d, t) % 3 - 1)) for t, x in enumerate(o)] for d, o in enumerate(old)]
        reference = [[single(x + r.gauss(0, 0.5)) for x in lp] for lp in lps]
        advantages = [[single((1.0 if at(d, t) % 2 else -1.5) + 0.1 * (at(d, t) % 7)) for t in range(n)] for d, n in enumerate(LENGTHS)]
        tilts = [[0.0 if t == 0 else single(r.uniform(-0.3, 0.5)) for t in range(n)] for n in LENGTHS]
        self.cross_entropies(tilts)
        self.preferences(references)
        self.unpaired(references, desirable)
        self.policies(advantages, old, reference, rollout)
        flat = lambda documents: [x for document in documents for x in document]
        return {"made_by": f"tools/goldens/objectives/make_goldens.py, {self.b.version}, float64", "model": MODEL, "lengths": LENGTHS,
                "ids": flat(self.documents), "weights": flat(self.mask), "entropy_weights": flat(tilts), "logprobs": flat(lps),
                "reference_sums": references, "desirable": desirable, "advantages": flat(advantages), "old": flat(old), "rollout": flat(rollout),
                "reference": flat(reference), "cases": self.cases}


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    goldens = Objectives().make()
    cases = ",\n".join("    " + json.dumps(case) for case in goldens.pop("cases"))
    print(json.dumps(goldens)[:-1] + ',\n  "cases": [\n' + cases + "\n  ]\n}")


if __name__ == "__main__":
    main()
