"""transformers' own code in float64, also where it asks for float32.

Modeling code casts to float32 in norms, softmax, rotary angles and recurrences, whatever the model's type is. Inside `exact()` every
such request is answered in float64, so that the goldens carry no rounding of their own; the code that runs is transformers'.
"""

import contextlib

import torch
from torch.overrides import TorchFunctionMode


class _Float64ForFloat32(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float:
            return args[0].double()
        swap = lambda value: torch.float64 if value is torch.float32 else value  # noqa: E731
        return function(*map(swap, args), **{name: swap(value) for name, value in (kwargs or {}).items()})


@contextlib.contextmanager
def exact():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Float64ForFloat32():
            yield
    finally:
        torch.set_default_dtype(before)
