"""Trains a tiny model through the Python package, looks at a weight and saves the result: finetune.py OUTPUT_FOLDER"""

import sys
from array import array

import horizonlm as hlm

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 16,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "initializer_range": 0.02,
}


def run(folder: str) -> None:
    batch = hlm.Batch.of([[1, 2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 6, 5]])  # two documents
    with hlm.Model.create(CONFIG, seed=1) as model, model.plan(batch_size=2, seq_len=8) as plan:
        with hlm.Trainer(model, plan, lr=1e-2) as trainer:
            for metrics in trainer.fit([batch] * 30, progress=False):
                if metrics.step % 5 == 0:
                    print(f"step {metrics.step}  loss {metrics.loss!r}")  # all digits: no bit is lost
            norm = array("f", [0] * 4)  # the first weights of the last norm; read as float32 whatever they are stored as
            trainer.read("model.norm.weight", out=norm)
            print("model.norm.weight begins", *(f"{value:.9g}" for value in norm))
            trainer.save_model(folder)


def main() -> int:
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        run(sys.argv[1])
    except hlm.Error as error:
        print(f"error: {error.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
