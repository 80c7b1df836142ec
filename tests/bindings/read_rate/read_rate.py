"""Reads a tensor of 1 GiB, and copies as many bytes by memcpy, in turns; prints the best seconds of both, and the least processor seconds of both:
read_rate.py COMPUTE

memcpy's rate depends on how source and target lie to each other within a page (three times on some processors). Both are copied alike here: from the
beginning of a page, where a trainer's tensors lie, to an array of NumPy's.
"""

import ctypes
import mmap
import sys
import time

import numpy as np

import horizonlm as hlm

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 1024,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "vocab_size": 262144,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "initializer_range": 0.02,
}
NAME = "model.embed_tokens.weight"

with hlm.Model.create(CONFIG, 1) as model, model.plan(device="cpu", batch_size=1, seq_len=16, compute=sys.argv[1], purpose="forward") as plan:
    trainer = hlm.Trainer(model, plan)
out = np.ones((262144, 1024), np.float32)
source = np.frombuffer(mmap.mmap(-1, out.nbytes), np.uint8)
source[:] = 1
seconds = {"read": [], "copied": [], "read, processor": [], "copied, processor": []}
for _ in range(7):
    for name, call in (("copied", lambda: ctypes.memmove(out.ctypes.data, source.ctypes.data, out.nbytes)), ("read", lambda: trainer.read(NAME, out=out))):
        begin, processor = time.perf_counter(), time.process_time()
        call()
        seconds[name].append(time.perf_counter() - begin)
        seconds[name + ", processor"].append(time.process_time() - processor)
assert 0.019 < out[::97].std() < 0.021
print(*(f"{min(seconds[name]):.6f}" for name in ("read", "copied", "read, processor", "copied, processor")))
