"""Supervised fine-tuning on a file of examples: sft.py MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER

The model's folder holds its weights, its tokenizer and its chat template; examples are conversations, prompts with completions, or texts.
"""

import sys

import horizonlm as hlm

ROWS, SEQ_LEN = 2, 128


def run(folder: str, examples: str, output: str) -> None:
    with hlm.Dataset({"data": examples, "model": folder, "seq_len": SEQ_LEN, "epochs": 20}) as data, hlm.Model.open(folder) as model:
        with model.plan(batch_size=ROWS, seq_len=SEQ_LEN) as plan, hlm.Trainer(model, plan, lr=3e-3) as trainer:
            for step in data.steps(ROWS):
                metrics = trainer.step(step)
                print(f"step {metrics.step}  epoch {step.epoch}  loss {metrics.loss!r}")
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
