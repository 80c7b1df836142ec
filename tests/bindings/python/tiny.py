"""A model that trains in a moment."""

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


def model(seed: int = 1) -> hlm.Model:
    return hlm.Model.create(CONFIG, seed)


def trainer(lr: float = 1e-2, seed: int = 1, **plan_options) -> hlm.Trainer:
    options = dict(device="cpu", batch_size=2, seq_len=8)
    options.update(plan_options)
    with model(seed) as own, own.plan(**options) as plan:
        return hlm.Trainer(own, plan, lr=lr, token_metrics=True)


def batch() -> hlm.Batch:
    return hlm.Batch.of([[1, 2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 6, 5]])


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
