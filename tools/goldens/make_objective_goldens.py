#!/usr/bin/env python3
"""Losses of pairs, of single answers and of policies, with their derivatives by automatic differentiation in float64.

    make_objective_goldens.py --backend torch|autograd > tests/objective/objective_goldens.inc

Needs PyTorch, or numpy and autograd (https://github.com/HIPS/autograd); the two print the same numbers within rounding. The losses are
written as they stand in the papers and in TRL's trainers, not as in core/objective: that is what makes the comparison worth something.
"""

import argparse
import importlib.metadata
import math
import random


class Torch:
    def __init__(self):
        import torch

        self.t = torch
        torch.set_default_dtype(torch.float64)
        self.version = f"PyTorch {torch.__version__}"

    def log_sigmoid(self, x):
        return self.t.nn.functional.logsigmoid(self.lift(x))

    def sigmoid(self, x):
        return self.t.sigmoid(self.lift(x))

    def exp(self, x):
        return self.t.exp(self.lift(x))

    def log(self, x):
        return self.t.log(self.lift(x))

    def abs(self, x):
        return self.t.abs(self.lift(x))

    def maximum(self, a, b):
        return self.t.maximum(self.lift(a), self.lift(b))

    def minimum(self, a, b):
        return self.t.minimum(self.lift(a), self.lift(b))

    def lift(self, x):
        return x if isinstance(x, self.t.Tensor) else self.t.tensor(float(x))

    def value(self, x):
        return float(x.detach()) if isinstance(x, self.t.Tensor) else float(x)

    def detach(self, x):
        return self.lift(x).detach()

    def gradient(self, function, values):
        leaves = [self.t.tensor(float(v), requires_grad=True) for v in values]
        loss = function(leaves) + 0.0 * sum(leaves)  # a loss that does not depend on them has slopes, of 0
        return self.value(loss), [float(s) for s in self.t.autograd.grad(loss, leaves)]


class Autograd:
    def __init__(self):
        import autograd
        import autograd.numpy as np
        from autograd.tracer import getval

        self.np, self.grad, self.getval = np, autograd.grad, getval
        self.version = "autograd " + importlib.metadata.version("autograd")

    def log_sigmoid(self, x):
        return -self.np.logaddexp(0.0, -x)

    def sigmoid(self, x):
        return 1 / (1 + self.np.exp(-x))

    def exp(self, x):
        return self.np.exp(x)

    def log(self, x):
        return self.np.log(x)

    def abs(self, x):
        return self.np.abs(x)

    def maximum(self, a, b):
        return self.np.maximum(a, b)

    def minimum(self, a, b):
        return self.np.minimum(a, b)

    def value(self, x):
        return float(self.getval(x))

    def detach(self, x):
        return self.getval(x)

    def gradient(self, function, values):
        array = self.np.array(values, dtype=float)
        loss = function(list(array))
        slopes = self.grad(lambda a: function([a[i] for i in range(len(values))]))(array)
        return float(loss), [float(s) for s in slopes]


KINDS = ["sigmoid", "robust", "hinge", "ipo", "sigmoid_norm", "exo_pair", "nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down", "orpo", "simpo"]


def pair_loss(b, kind, beta, gamma, e, chosen, rejected, n_chosen, n_rejected, ref_chosen, ref_rejected):
    chosen_logratios, rejected_logratios = chosen - ref_chosen, rejected - ref_rejected
    delta = chosen_logratios - rejected_logratios
    if kind == "sigmoid":
        x = beta * delta - gamma
        return -b.log_sigmoid(x) * (1 - e) - b.log_sigmoid(-x) * e
    if kind == "robust":
        x = beta * delta - gamma
        return (-b.log_sigmoid(x) * (1 - e) + b.log_sigmoid(-x) * e) / (1 - 2 * e)
    if kind == "hinge":
        return b.maximum(0.0, 1 - (beta * delta - gamma))
    if kind == "ipo":
        return (chosen_logratios / n_chosen - rejected_logratios / n_rejected - 1 / (2 * beta)) ** 2
    if kind == "sigmoid_norm":
        x = beta * (chosen_logratios / n_chosen - rejected_logratios / n_rejected) - gamma
        return -b.log_sigmoid(x) * (1 - e) - b.log_sigmoid(-x) * e
    if kind == "exo_pair":
        e = e if e > 0 else 1e-3
        q = b.sigmoid(beta * delta)
        return q * (b.log(q) - math.log(1 - e)) + (1 - q) * (b.log(1 - q) - math.log(e))
    if kind == "nca_pair":
        w, l = chosen_logratios * beta, rejected_logratios * beta
        return -b.log_sigmoid(w) - 0.5 * b.log_sigmoid(-w) - 0.5 * b.log_sigmoid(-l)
    if kind == "bco_pair":
        return -b.log_sigmoid(beta * chosen_logratios) - b.log_sigmoid(-(beta * rejected_logratios))
    if kind == "sppo_hard":
        return (chosen_logratios - 0.5 / beta) ** 2 + (rejected_logratios + 0.5 / beta) ** 2
    if kind == "apo_zero":
        return 1 - b.sigmoid(beta * chosen_logratios) + b.sigmoid(beta * rejected_logratios)
    if kind == "apo_down":
        return b.sigmoid(beta * chosen_logratios) + 1 - b.sigmoid(beta * delta)
    if kind == "orpo":
        w, l = chosen / n_chosen, rejected / n_rejected
        log_odds = (w - l) - (b.log(1 - b.exp(w)) - b.log(1 - b.exp(l)))
        return -beta * b.log_sigmoid(log_odds)
    if kind == "simpo":
        x = beta * (chosen / n_chosen - rejected / n_rejected - gamma / beta)
        return -b.log_sigmoid(x) * (1 - e) - b.log_sigmoid(-x) * e
    raise ValueError(kind)


def kto_loss(b, beta, weight_good, weight_bad, desirable, kl, logprob, reference):
    ratio = logprob - reference
    if desirable:
        return weight_good * (1 - b.sigmoid(beta * (ratio - kl)))
    return weight_bad * (1 - b.sigmoid(beta * (kl - ratio)))


def policy_loss(b, o, logprobs, weights, advantages, old, reference, rollout, entropies):
    """One document, reduced as `o` says."""
    total, mass = 0.0, sum(weights)
    sequence = sum(w * (lp - q) for w, lp, q in zip(weights, logprobs, old)) / mass
    for i, w in enumerate(weights):
        if w == 0:
            continue
        log_ratio = sequence if o["ratio"] == "sequence" else logprobs[i] - old[i]
        ratio, a = b.exp(log_ratio), advantages[i]
        clipped = b.minimum(b.maximum(ratio, 1 - o["low"]), 1 + o["high"])
        if o["kind"] == "clip":
            loss = b.maximum(-a * ratio, -a * clipped)
            if o["dual"] > 0 and a < 0:
                loss = b.minimum(loss, -a * o["dual"])
        else:
            loss = -a * b.detach(clipped) * logprobs[i]
        importance = math.exp(old[i] - rollout[i])
        loss = loss * (min(importance, o["cap"]) if o["cap"] > 0 else importance)
        d = logprobs[i] - reference[i]
        kl = {"k1": lambda: d, "k2": lambda: d * d / 2, "k3": lambda: b.exp(-d) - (-d) - 1, "abs": lambda: b.abs(d)}[o["kl"]]()
        loss = loss + o["kl_weight"] * kl - o["entropy_weight"] * entropies[i]
        total = total + w * loss
    return total / (mass * o["denominator"]) if o["reduction"] == "sequence_mean" else total / o["denominator"]


def numbers(values):
    return "{" + ", ".join(float(v).hex() if math.isfinite(v) else "INFINITY" for v in values) + "}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=["torch", "autograd"], default="torch")
    b = {"torch": Torch, "autograd": Autograd}[parser.parse_args().backend]()
    r = random.Random(20)
    out = ["// Made by tools/goldens/make_objective_goldens.py with " + b.version + " in float64. Do not edit.", "// clang-format off"]

    out.append("inline const PairGolden kPairGoldens[] = {")
    for kind_number, kind in enumerate(KINDS):
        for case in range(8):
            beta, n_w, n_l = r.choice([0.01, 0.1, 0.5, 2.0]), float(r.randint(1, 40)), float(r.randint(1, 40))
            smoothing = 0.0 if case % 2 == 0 else r.choice([0.1, 0.3])
            gamma = 0.0 if case % 3 == 0 else r.uniform(-0.5, 1)
            w, l = -n_w * r.uniform(0.05, 3), -n_l * r.uniform(0.05, 3)
            ref_w, ref_l = (w + r.gauss(0, 4), l + r.gauss(0, 4)) if kind not in ("orpo", "simpo") else (0.0, 0.0)
            loss, (dw, dl) = b.gradient(lambda x: pair_loss(b, kind, beta, gamma, smoothing, x[0], x[1], n_w, n_l, ref_w, ref_l), [w, l])
            out.append(f"    {{{kind_number}, " + numbers([beta, gamma, smoothing, w, n_w, ref_w, l, n_l, ref_l, loss, dw, dl]) + "},")
    out.append("};")

    out.append("inline const UnpairedGolden kUnpairedGoldens[] = {")
    for case in range(16):
        beta, good, bad = r.choice([0.05, 0.1, 1.0]), r.uniform(0.5, 2), r.uniform(0.5, 2)
        kl, s, ref = r.choice([0.0, r.uniform(0, 3)]), -r.uniform(1, 60), -r.uniform(1, 60)
        desirable = case % 2
        loss, (slope,) = b.gradient(lambda x: kto_loss(b, beta, good, bad, desirable, kl, x[0], ref), [s])
        out.append(f"    {{{desirable}, " + numbers([beta, good, bad, kl, s, ref, loss, slope]) + "},")
    out.append("};")

    out.append("inline const PolicyGolden kPolicyGoldens[] = {")
    kinds, ratios, kls, reductions = ["clip", "cispo"], ["token", "sequence"], ["k1", "k2", "k3", "abs"], ["token_mean", "sequence_mean", "sequence_sum"]
    for case in range(36):
        o = {
            "kind": kinds[case % 5 == 4], "ratio": ratios[case // 2 % 2], "kl": kls[case % 4], "reduction": reductions[case % 3],
            "low": r.choice([0.1, 0.2, math.inf]), "high": r.choice([0.2, 0.28, math.inf]), "dual": 0.0 if case % 3 else 1.5,
            "kl_weight": r.choice([0.0, 0.05]), "cap": r.choice([0.0, 1.1]), "entropy_weight": r.choice([0.0, 0.01, -0.02]), "denominator": r.uniform(1, 9),
        }
        if o["kind"] == "cispo":
            o["dual"] = 0.0
        n = 7
        single = lambda x: float.fromhex(__import__("numpy").float32(x).item().hex())
        lp = [single(-r.uniform(0.05, 4)) for _ in range(n)]
        old, ref, roll = ([single(x + r.gauss(0, s)) for x in lp] for s in (0.3, 0.5, 0.4))
        adv, ent = [single(r.gauss(0, 1)) for _ in range(n)], [single(r.uniform(0, 3)) for _ in range(n)]
        weights = [r.choice([0.0, 1.0, 1.0, 0.5]) for _ in range(n)]
        weights[3] = 1.0
        loss, slopes = b.gradient(lambda x: policy_loss(b, o, x, weights, adv, old, ref, roll, ent), lp)
        _, d_entropy = b.gradient(lambda x: policy_loss(b, o, lp, weights, adv, old, ref, roll, x), ent)
        head = [kinds.index(o["kind"]), ratios.index(o["ratio"]), kls.index(o["kl"]), reductions.index(o["reduction"])]
        scalars = numbers([o[k] for k in ("low", "high", "dual", "kl_weight", "cap", "entropy_weight", "denominator")] + [loss])
        arrays = ", ".join(numbers(x) for x in (lp, weights, adv, old, ref, roll, ent, slopes, d_entropy))
        out.append("    {" + ", ".join(map(str, head)) + ", " + scalars + ", " + arrays + "},")
    out += ["};", "// clang-format on"]
    print("\n".join(out))


if __name__ == "__main__":
    main()
