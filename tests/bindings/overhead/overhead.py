"""As overhead.c: overhead.py STEPS"""

import sys
import time

import horizonlm as hlm

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 256,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "initializer_range": 0.02,
}
steps = int(sys.argv[1])
model = hlm.Model.create(CONFIG, 1)
trainer = hlm.Trainer(model, model.plan(device="cpu", batch_size=8, seq_len=128))
batch = hlm.Batch([i % 251 for i in range(8 * 128)], range(0, 8 * 128 + 1, 128))
whole, beside = [], []
for _ in range(steps):
    begin = time.perf_counter()
    metrics = trainer.step(batch)
    took = time.perf_counter() - begin
    whole.append(took)
    beside.append(took - metrics.seconds)
print(f"{sorted(whole)[steps // 2]:.9f} {sorted(beside)[steps // 2]:.9f}")
