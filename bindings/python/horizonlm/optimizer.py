"""The host-side optimizer alone, on the caller's arrays."""

from typing import TYPE_CHECKING, Any, ClassVar, Optional, Tuple, Union

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


@_options.documented("hlm_optimizer_options")
class Optimizer(Handle):
    """An optimizer on arrays of the caller's, by a pool of threads of its own.

    Optimizer(beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, threads=0, algorithm="adamw", states="f32"); algorithms: "adamw", "adam",
    "sgd", "lion". With states "bf16" or "int8" moments are packed: state_size says how large they are.

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
        gradient: Buffer,
        weight: Optional[Buffer] = None,
        weight_bf16: Optional[Buffer] = None,
        remainder: Optional[Buffer] = None,
        first_moment: Optional[Buffer] = None,
        second_moment: Optional[Buffer] = None,
        first_moment_packed: Optional[Buffer] = None,
        second_moment_packed: Optional[Buffer] = None,
        first_scales: Optional[Buffer] = None,
        second_scales: Optional[Buffer] = None,
        gradient_scale: float = 1.0,
        decay: bool = True,
        first_index: int = 0,
        seed: int = 0,
    ) -> None:
        """One update of `weight` (float32), of `weight_bf16` with `remainder` (uint16: the exact split of a float32 weight), or of
        `weight_bf16` alone, which is rounded stochastically by a counter of (seed, step, first_index + element).

        step counts from 1; the gradient (float32 or uint16) is multiplied by gradient_scale first. decay: apply weight decay.
        Moments, zero before the first step: first_moment and second_moment (float32) with states "f32"; packed (and scales, float32, with
        "int8") with the others. The second moment of "sgd" and "lion" is None.
        """
        native.hlm_optimizer_step(
            self._box, step, lr, gradient_scale, weight, weight_bf16, remainder, first_moment, second_moment, gradient,
            _dtype(gradient, "gradient"), int(decay), first_moment_packed, second_moment_packed, first_scales, second_scales, first_index, seed
        )  # fmt: skip

    def state_size(self, kind: Union[str, int], n: int) -> Tuple[int, int]:
        """The bytes and the number of scales of a moment ("first_moment", "second_moment") of n elements; 0, 0 for one that there is not."""
        size, scales = native.hlm_optimizer_state_size(self._box, _options.named("kind", kind), n)
        return int(size), int(scales)

    def read_state(self, kind: Union[str, int], moment: Buffer, values: Buffer, scales: Optional[Buffer] = None) -> None:
        """Writes a moment into `values` (float32). The moment's first element is the first of its block of 256."""
        native.hlm_optimizer_read_state(self._box, _options.named("kind", kind), moment, scales, values)

    def write_state(self, kind: Union[str, int], values: Buffer, moment: Buffer, scales: Optional[Buffer] = None) -> None:
        """The inverse of read_state: rounds to what the moment can hold. Values must be finite, second moments not negative."""
        native.hlm_optimizer_write_state(self._box, _options.named("kind", kind), values, moment, scales)

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
