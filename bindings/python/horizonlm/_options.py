"""Keyword options: each keyword is a member of the struct of the C API of the same name."""

import difflib
import json
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, TypeVar

from ._load import native
from ._option_types import LISTS, PREFIXES, TABLES
from ._plain import plain

if TYPE_CHECKING:
    from ._option_types import (
        CheckpointOptions as CheckpointOptions,
        EncodeOptions as EncodeOptions,
        GroupOptions as GroupOptions,
        Json as Json,
        KtoOptions as KtoOptions,
        Name as Name,
        Names as Names,
        OptimizerOptions as OptimizerOptions,
        PlanOptions as PlanOptions,
        PolicyOptions as PolicyOptions,
        PreferenceOptions as PreferenceOptions,
        ResumeOptions as ResumeOptions,
        SaveOptions as SaveOptions,
        TemplateOptions as TemplateOptions,
        TextOptions as TextOptions,
        TrainerOptions as TrainerOptions,
    )

Documented = TypeVar("Documented", bound=Callable[..., Any])


def documented(struct: str) -> Callable[[Documented], Documented]:
    """Adds the table of a struct's options to the docstring of the class or function that takes them."""

    def add(what: Documented) -> Documented:
        if what.__doc__ is not None:  # none under -OO
            indent = "" if isinstance(what, type) else "    "
            table = "".join(f"{indent}    {line}".rstrip() + "\n" for line in TABLES[struct].splitlines())
            what.__doc__ = f"{what.__doc__.rstrip()}\n\n{table}{indent}    "
        return what

    return add


# Arguments that are no members of an options struct.
_ARGUMENTS: Dict[str, str] = {"kind": "HLM_TENSOR_"}


def named(member: str, value: Any, struct: str = "") -> Any:
    """`value`, or the constant that it names. ValueError, listing the names, for one that there is not."""
    if member.endswith("_json") and value is not None and not isinstance(value, str):
        return json.dumps(value, default=plain)
    if struct and member in LISTS and isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return ",".join(value) or None
    prefix = PREFIXES.get(f"{struct}.{member}") if struct else _ARGUMENTS.get(member)
    if prefix is None or not isinstance(value, str):
        return value
    found = getattr(native, prefix + value.upper().replace("-", "_"), None)
    if found is None:
        names = sorted(name[len(prefix) :].lower() for name in dir(native) if name.startswith(prefix))
        nearest = difflib.get_close_matches(value.lower(), names, 1)
        meant = f" (did you mean {nearest[0]}?)" if nearest else ""
        raise ValueError(f"{member} is {value!r}; it must be one of {', '.join(names)}{meant}")
    return found


def members(struct: str) -> List[str]:
    """The names of a struct's members that can be set."""
    names = (name[len(struct) + 1 : -4] for name in dir(native) if name.startswith(struct + "_") and name.endswith("_set"))
    return sorted(name for name in names if name != "reserved")


# What others call them.
_ELSEWHERE = {
    "learning_rate": "lr", "batch": "batch_size", "max_grad_norm": "grad_clip", "gradient_clipping": "grad_clip", "dtype": "compute",
    "precision": "compute", "max_seq_len": "seq_len", "max_length": "seq_len", "max_steps": "total_steps", "warmup": "warmup_steps",
    "lr_scheduler_type": "schedule", "adam_beta1": "beta1", "adam_beta2": "beta2", "adam_epsilon": "eps", "epsilon": "eps",
    "num_threads": "threads", "exist_ok": "overwrite", "force": "overwrite",
}  # fmt: skip

# Where the options of a run are given.
_TAKEN_BY = {"hlm_plan_options": "Model.plan", "hlm_trainer_options": "Trainer"}


def _meant(member: str, struct: str) -> str:
    """What somebody may have meant who gave an option that there is not."""
    own = members(struct)
    other = _ELSEWHERE.get(member, member)
    for taken, by in _TAKEN_BY.items():
        if struct in _TAKEN_BY and other not in own and other in members(taken):
            return f" (it is an option of {by}{'' if other == member else ', ' + other})"
    nearest = [other] if other in own else difflib.get_close_matches(member, own, 1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""


def fill(struct: str, options: Mapping[str, Any]) -> Optional[Any]:
    """A native struct with the defaults and `options`; None, which stands for the defaults, where there are none.

    TypeError for a keyword that is no member, or for a value of a wrong type, naming it.
    """
    if not options:
        return None
    own = getattr(native, "new_" + struct)()
    for member, value in options.items():
        setter = getattr(native, f"{struct}_{member}_set", None)
        if setter is None:
            raise TypeError(f"there is no option {member!r}{_meant(member, struct)}; there are {', '.join(members(struct))}")
        try:
            setter(own, named(member, value, struct))
        except TypeError as error:
            raise TypeError(f"{member} is {value!r}: {error}") from None
        except OverflowError as error:
            raise OverflowError(f"{member}: {error}") from None
    return own
