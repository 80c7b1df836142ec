"""Trains a model folder on the machines of a Ray cluster, one process on each: ray_train.py MODEL EXAMPLES.jsonl OUT [--machines N]

Every machine must see the three paths. A process that is lost ends the others with UnavailableError, which names its rank.
"""

import argparse
import socket
from typing import Any, Tuple

import ray

import horizonlm as hlm


def rows_of(batch: hlm.Batch, rank: int, size: int) -> hlm.Batch:
    """The documents of a step that a rank brings; all of them together are the step."""
    documents = [list(batch.ids[a:b]) for a, b in zip(batch.offsets, batch.offsets[1:])]
    labels = [list(batch.labels[a:b]) for a, b in zip(batch.offsets, batch.offsets[1:])]
    first, end = len(documents) * rank // size, len(documents) * (rank + 1) // size
    return hlm.Batch.of(documents[first:end], labels=labels[first:end])


class Rank:
    """One process of the group, which drives all devices of its machine."""

    def address(self) -> str:
        with socket.socket() as free:
            free.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{free.getsockname()[1]}"

    def train(self, address: str, rank: int, args: argparse.Namespace) -> Tuple[int, float]:
        size, rows, row_tokens = args.machines, args.rows, args.row_tokens
        with hlm.Group.connect(address, rank, size, several_per_machine=args.one_machine) as group, hlm.Model.open(args.model) as model:
            data = hlm.Dataset({"data": [{"path": args.examples}], "model": args.model, "task": "sft", "seq_len": row_tokens})
            threads = {"threads": 1} if args.one_machine else {}
            with model.plan(batch_size=rows, seq_len=row_tokens, processes=size, device=args.device, **threads) as plan:
                with hlm.Trainer(model, plan, group=group, lr=args.lr) as trainer:
                    done = 0
                    metrics: Any = None
                    while done < args.steps:
                        metrics = trainer.step(rows_of(data.next(rows).batch, rank, size))
                        done = metrics.step
                    trainer.save_model(args.out)
                    return done, metrics.loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "examples", "out"):
        parser.add_argument(name)
    parser.add_argument("--machines", type=int, default=2)
    parser.add_argument("--one-machine", action="store_true", help="all processes on this machine, with its CPU: to try it")
    for name, default in (("rows", 8), ("row-tokens", 512), ("steps", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lr", type=float, default=1e-5)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if args.one_machine:
        ray.init(address="local", num_cpus=args.machines, include_dashboard=False)
    else:
        ray.init()
    strategy = "PACK" if args.one_machine else "STRICT_SPREAD"
    place = ray.util.placement_group([{"CPU": 1}] * args.machines, strategy=strategy)
    ray.get(place.ready())
    actor = ray.remote(Rank)
    ranks = [actor.options(num_cpus=1, placement_group=place, placement_group_bundle_index=r).remote() for r in range(args.machines)]
    address = ray.get(ranks[0].address.remote())
    print(*ray.get([one.train.remote(address, rank, args) for rank, one in enumerate(ranks)]), sep="\n")


if __name__ == "__main__":
    main()
