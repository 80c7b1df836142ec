"""Plans: everything that a run will do with memory, before the first byte is allocated."""

import json
from typing import TYPE_CHECKING, Any, ClassVar, Dict

from . import _options
from ._handle import Handle
from ._load import native
from .model import Model

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _size(count: int) -> str:
    return f"{count / (1 << 30):.2f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.2f} MiB"


@_options.documented("hlm_plan_options")
class Plan(Handle):
    """A plan for a model: Plan(model, batch_size=8, seq_len=1024, compute="bf16", ...).

    Options are the members of hlm_plan_options in horizon_lm.h. Named values are strings: compute="f32", purpose="forward",
    activations="keep-cheap", block_inputs="host", optimizer_timing="serial".

    ResourceExhaustedError, with the bytes needed and what to change, where the model does not fit; InvalidArgumentError for options that
    contradict each other. Allocates nothing.
    """

    _kind: ClassVar[str] = "plan"

    def __init__(self, model: Model, **options: "Unpack[_options.PlanOptions]") -> None:
        if not isinstance(model, Model):
            raise TypeError(f"model is a {type(model).__name__}; a Model is wanted")
        self._box = native.hlm_plan_make(model._box, _options.fill("hlm_plan_options", options))

    def json(self) -> Dict[str, Any]:
        """The whole plan; docs/plan.md lists its keys."""
        return dict(json.loads(native.hlm_plan_json(self._box)))

    def _about(self) -> str:
        host, device = (_size(self.value(key)) for key in ("host_bytes", "device_bytes"))
        return f"{host} of host memory, {device} on {self.json()['device']}"

    def value(self, key: str) -> int:
        """One whole number of the plan, as "host_bytes". NotFoundError for a key that is not there or not a number."""
        return int(native.hlm_plan_value(self._box, key))

    def time_products(self) -> Dict[str, Any]:
        """Times the matrix products of one step alone, in seconds. Takes some seconds."""
        return dict(json.loads(native.hlm_plan_time_products(self._box)))
