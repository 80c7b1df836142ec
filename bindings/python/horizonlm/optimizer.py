"""The host-side optimizer alone, on the caller's arrays."""

from typing import TYPE_CHECKING, Any, ClassVar, Optional

from . import _options
from ._handle import Handle
from ._load import native
from .batch import Buffer

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _dtype(array: Any, name: str) -> int:
    """The HLM_DTYPE_ of a buffer: float32, or uint16 for the bits of bf16."""
    try:
        letter = memoryview(array).format.lstrip("@=<")
    except TypeError:
        raise TypeError(f"{name} must be a buffer of float32, or of uint16 for the bits of bf16") from None
    if letter == "f":
        return int(native.HLM_DTYPE_F32)
    if letter == "H":
        return int(native.HLM_DTYPE_BF16)
    raise TypeError(f"{name} must hold float32, or uint16 for the bits of bf16; its elements have the format '{letter}'")


class Optimizer(Handle):
    """AdamW on arrays of the caller's, by a pool of threads of its own: Optimizer(beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, threads=0).

    Arrays are one-dimensional or any contiguous shape of n elements: float32, or uint16 for the bits of bf16. They are worked on in place.
    """

    _kind: ClassVar[str] = "optimizer"

    def __init__(self, **options: "Unpack[_options.OptimizerOptions]") -> None:
        self._box = native.hlm_optimizer_create(_options.fill("hlm_optimizer_options", options))

    def step(
        self,
        step: int,
        lr: float,
        *,
        first_moment: Buffer,
        second_moment: Buffer,
        gradient: Buffer,
        weight: Optional[Buffer] = None,
        weight_bf16: Optional[Buffer] = None,
        remainder: Optional[Buffer] = None,
        gradient_scale: float = 1.0,
        decay: bool = True,
    ) -> None:
        """One AdamW update of `weight` (float32), or of `weight_bf16` with `remainder` (uint16): the exact split of a float32 weight.

        step counts from 1; the gradient (float32 or uint16) is multiplied by gradient_scale first. decay: apply weight decay.
        """
        native.hlm_optimizer_step(
            self._box, step, lr, gradient_scale, weight, weight_bf16, remainder, first_moment, second_moment, gradient, _dtype(gradient, "gradient"), int(decay)
        )

    def accumulate(self, sum: Buffer, gradient: Buffer, seed: int = 0) -> None:
        """sum += gradient, each float32 or uint16; a bf16 sum is rounded stochastically by a counter of (seed, element)."""
        native.hlm_optimizer_accumulate(self._box, sum, _dtype(sum, "sum"), gradient, _dtype(gradient, "gradient"), seed)

    def squared_norm(self, gradient: Buffer) -> float:
        """The sum of squares in double, in a fixed order."""
        return float(native.hlm_optimizer_squared_norm(self._box, gradient, _dtype(gradient, "gradient")))

    def split(self, weight: Buffer, weight_bf16: Buffer, remainder: Buffer) -> None:
        """Splits float32 weights exactly into the bits of bf16 and a 16-bit remainder."""
        native.hlm_optimizer_split(self._box, weight, weight_bf16, remainder)

    def join(self, weight_bf16: Buffer, remainder: Buffer, weight: Buffer) -> None:
        """The inverse of split."""
        native.hlm_optimizer_join(self._box, weight_bf16, remainder, weight)
