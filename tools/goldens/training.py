"""Loss, gradient and AdamW steps over batches of documents, for any function from ids to logits.

The optimizer and the clipping are PyTorch's own, so that what is checked against them is not this project's reading of them.
"""

import math

import torch

IGNORED = -100


def documents(batch):
    """(ids, targets, weights) of each document. Entry t of the targets and weights belongs to logits row t: the shift is here."""
    ids = torch.from_numpy(batch["ids"]).long()
    labels = ids if batch["labels"] is None else torch.from_numpy(batch["labels"]).long()
    weights = torch.ones(len(ids)) if batch["weights"] is None else torch.from_numpy(batch["weights"])
    for begin, end in zip(batch["offsets"][:-1], batch["offsets"][1:]):
        yield ids[begin:end], labels[begin + 1 : end], weights[begin + 1 : end].double()


def predicted_tokens(batch):
    return sum(int((targets != IGNORED).sum()) for _, targets, _ in documents(batch))


def denominator(batch):
    if batch["denominator"] > 0:
        return batch["denominator"]
    return sum(float(weights[targets != IGNORED].sum()) for _, targets, weights in documents(batch))


def batch_loss(logits_of, batch):
    total = 0.0
    for ids, targets, weights in documents(batch):
        predicted = targets != IGNORED
        if not predicted.any():
            continue
        log_p = torch.log_softmax(logits_of(ids)[:-1][predicted], dim=-1)
        nll = -log_p.gather(1, targets[predicted][:, None])[:, 0]
        total = total + (nll * weights[predicted].to(nll.dtype)).sum()
    return total / denominator(batch)


def batch_logits(logits_of, batch):
    with torch.no_grad():
        return torch.cat([logits_of(ids) for ids, _, _ in documents(batch)])


def learning_rate(options, step):
    """Steps count from 1: a straight rise over the warm-up, then constant, or falling to min_lr_ratio at the last step."""
    lr, warmup, ratio = options["lr"], options["warmup_steps"], options["min_lr_ratio"]
    if step <= warmup:
        return lr * step / warmup
    if options["schedule"] == "constant":
        return lr
    done = (step - warmup) / (options["total_steps"] - warmup)
    left = 1 - done if options["schedule"] == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return lr * (ratio + (1 - ratio) * left)


def gradients(parameters, logits_of, batch):
    loss = batch_loss(logits_of, batch)
    grads = torch.autograd.grad(loss, list(parameters.values()))
    return float(loss.detach()), dict(zip(parameters, (g.detach().clone() for g in grads)))


def train(parameters, logits_of, batches, options, steps):
    """Updates the parameters in place; step s takes batch (s - 1) mod len(batches). What happened, one entry a step."""

    def backward(batch):
        loss = batch_loss(logits_of, batch)
        loss.backward()
        return float(loss.detach())

    return take_steps(list(parameters.values()), backward, batches, options, steps)


def take_steps(values, backward, batches, options, steps):
    """The same where `backward` gives the loss of a batch and leaves the gradients of the values."""
    groups = [
        {"params": [p for p in values if p.dim() >= 2], "weight_decay": options["weight_decay"]},
        {"params": [p for p in values if p.dim() < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=options["lr"], betas=(options["beta1"], options["beta2"]), eps=options["eps"])
    records = []
    for step in range(1, steps + 1):
        index = (step - 1) % len(batches)
        for group in adamw.param_groups:
            group["lr"] = learning_rate(options, step)
        adamw.zero_grad()
        loss = backward(batches[index])
        limit = options["grad_clip"] if options["grad_clip"] > 0 else math.inf
        norm = torch.nn.utils.clip_grad_norm_(values, limit)
        adamw.step()
        records.append(
            {
                "batch": index,
                "loss": loss,
                "grad_norm": float(norm),
                "lr": learning_rate(options, step),
                "tokens": predicted_tokens(batches[index]),
            }
        )
    return records
