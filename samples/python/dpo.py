"""Direct preference optimization on pairs of answers: dpo.py MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER

The reference is the model as it was: its weights are kept, and copied only where they change. The first loss is ln 2.
"""

import itertools
import sys
from array import array

import horizonlm as hlm

ROWS, SEQ_LEN, STEPS = 4, 128, 12


def run(folder: str, pairs: str, output: str) -> None:
    with hlm.Dataset({"data": pairs, "model": folder, "task": "dpo", "seq_len": SEQ_LEN}) as data, hlm.Model.open(folder) as model:
        with model.plan(batch_size=ROWS, seq_len=SEQ_LEN, frozen_copies=1) as plan, hlm.Trainer(model, plan, lr=1e-3) as trainer:
            with trainer.keep_weights() as reference:
                for number, step in enumerate(itertools.islice(data.steps(ROWS), STEPS), 1):
                    logprobs = array("f", bytes(4 * step.batch.n_ids))  # with NumPy installed: trainer.logprobs(step, kept=reference) makes one
                    trainer.logprobs(step, kept=reference, out=logprobs)
                    metrics = trainer.accumulate_preference(step, reference_logprobs=logprobs)
                    trainer.apply()
                    print(f"step {number}  loss {metrics.loss!r}  accuracy {metrics.accuracy!r}  margin {metrics.margin!r}")
            trainer.save_model(output)


def main() -> int:
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        run(*sys.argv[1:])
    except hlm.Error as error:
        print(f"error: {error.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
