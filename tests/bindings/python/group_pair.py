"""One of the two processes of a group: the steps that they share are those of one process."""

from typing import List, Optional

import horizonlm as hlm
from tiny import CONFIG

DOCUMENTS = [[1, 2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 6, 5]]


def losses(group: Optional[hlm.Group]) -> List[float]:
    processes = 1 if group is None else group.size
    with hlm.Model.create(CONFIG, seed=1) as model:
        with model.plan(batch_size=2, seq_len=8, device="cpu", threads=1, reduction_groups=2, processes=processes) as plan:
            with hlm.Trainer(model, plan, group=group, lr=1e-2) as trainer:
                batch = hlm.Batch.of(DOCUMENTS if group is None else [DOCUMENTS[group.rank]])
                return [trainer.step(batch).loss for _ in range(3)]


def main() -> None:
    alone = losses(None)
    with hlm.Group.from_environment(several_per_machine=True, timeout_seconds=120) as group:
        assert group.describe()["launcher"] == "torchrun", group.describe()
        assert hlm.Group.describe_environment() == {"rank": group.rank, "size": 2, "local_size": 2, "launcher": "torchrun"}
        assert group.all_gather(bytes([group.rank, 7])) == [b"\0\7", b"\1\7"]
        shared = losses(group)
        assert shared == alone, (alone, shared)
        group.barrier()
        print("ok  group of", group.size, *map(repr, shared))


if __name__ == "__main__":
    main()
