"""Prints the addresses of buffers as it passes them; run with spy.c preloaded, whose notes must be the same lines."""

import numpy as np

import tiny

trainer = tiny.trainer()
ids = np.array([1, 2, 3, 4, 5], np.int32)
weights = np.ones(5, np.float32)
trainer.evaluate(ids, weights=weights)
print("evaluate", hex(ids.ctypes.data), 5, hex(weights.ctypes.data), 5)
trainer.evaluate(ids[1:])
print("evaluate", hex(ids.ctypes.data + 4), 4, "(nil)", 0)
out = np.empty(32, np.float32)
trainer.read("model.norm.weight", out=out[8:])
print("read", hex(out.ctypes.data + 32), 96, "(nil)", 0)
trainer.close()
