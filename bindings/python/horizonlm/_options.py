"""Keyword options: each keyword is a member of the struct of the C API of the same name."""

import json
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Union

from ._load import native

if TYPE_CHECKING:
    from typing import TypedDict

    Name = Union[str, int]
    Json = Any  # JSON as a text, or what json.dumps makes one of

    class PlanOptions(TypedDict, total=False):
        """Options of a plan; horizon_lm.h, hlm_plan_options, explains each."""

        device: str
        purpose: Name
        compute: Name
        batch_size: int
        seq_len: int
        micro_batch: int
        sweeps: int
        activations: Name
        block_inputs: Name
        slots: int
        prefetch: int
        ring: int
        head_chunk: int
        max_part_bytes: int
        optimizer_timing: Name
        grad_dtype: Name
        grad_clip: float
        threads: int
        optimizer_threads: int
        host_limit_bytes: int
        device_limit_bytes: int
        optimizer: Name
        states: Name
        master: Name
        snapshot_bytes: int
        machine_json: Json
        numerics_json: Json
        frozen_copies: int

    class TrainerOptions(TypedDict, total=False):
        """Options of a trainer: AdamW and its schedule; see hlm_trainer_options."""

        lr: float
        beta1: float
        beta2: float
        eps: float
        weight_decay: float
        schedule: Name
        warmup_steps: int
        total_steps: int
        min_lr_ratio: float
        token_metrics: bool

    class SaveOptions(TypedDict, total=False):
        """Options of saving a model; see hlm_save_options."""

        dtype: Name
        overwrite: bool
        max_shard_bytes: int

    class OptimizerOptions(TypedDict, total=False):
        """Options of an optimizer on the caller's arrays; see hlm_optimizer_options."""

        beta1: float
        beta2: float
        eps: float
        weight_decay: float
        threads: int
        algorithm: Name
        states: Name

    class EncodeOptions(TypedDict, total=False):
        """Options of encoding a text; see hlm_encode_options."""

        add_special_tokens: bool
        offsets_in: Name
        plain_added: bool
        trim_offsets: bool

    class TemplateOptions(TypedDict, total=False):
        """Options of rendering a conversation; see hlm_template_options."""

        name: str
        tools_json: Json
        documents_json: Json
        variables_json: Json
        date: str
        add_generation_prompt: bool
        train_on: Name
        mask: Name
        prompt_messages: int
        max_output_bytes: int
        max_iterations: int
        max_depth: int
        parse_arguments: bool
        drop_null_arguments: bool

    class CheckpointOptions(TypedDict, total=False):
        """Options of saving a checkpoint; see hlm_checkpoint_options."""

        keep: int
        background: bool
        user_data: Optional[str]

    class ResumeOptions(TypedDict, total=False):
        """Options of resuming; see hlm_resume_options."""

        allow_numerics_change: bool

    class PreferenceOptions(TypedDict, total=False):
        """Options of a loss on pairs; see hlm_preference_options."""

        kind: Name
        reference_free: bool
        beta: float
        gamma: float
        label_smoothing: float
        sft_weight: float
        sft_denominator: float
        denominator: float
        forward_only: bool

    class KtoOptions(TypedDict, total=False):
        """Options of KTO; see hlm_kto_options."""

        beta: float
        desirable_weight: float
        undesirable_weight: float
        denominator: float
        kl: float
        forward_only: bool

    class PolicyOptions(TypedDict, total=False):
        """Options of a policy-gradient loss; see hlm_policy_options."""

        kind: Name
        ratio: Name
        kl: Name
        reduction: Name
        clip_low: float
        clip_high: float
        dual_clip: float
        kl_weight: float
        importance_cap: float
        entropy_weight: float
        denominator: float
        forward_only: bool


# Members whose values have names: a string stands for the constant with this prefix, "bf16" for HLM_DTYPE_BF16.
_PREFIXES: Dict[str, str] = {
    "purpose": "HLM_PURPOSE_",
    "compute": "HLM_DTYPE_",
    "dtype": "HLM_DTYPE_",
    "grad_dtype": "HLM_DTYPE_",
    "activations": "HLM_ACTIVATIONS_",
    "block_inputs": "HLM_BLOCK_INPUTS_",
    "optimizer_timing": "HLM_TIMING_",
    "schedule": "HLM_SCHEDULE_",
    "optimizer": "HLM_OPTIMIZER_",
    "algorithm": "HLM_OPTIMIZER_",
    "states": "HLM_STATES_",
    "master": "HLM_MASTER_",
    "offsets_in": "HLM_OFFSETS_",
    "train_on": "HLM_TRAIN_ON_",
    "mask": "HLM_MASK_",
    "ratio": "HLM_RATIO_",
    "kl": "HLM_KL_",
    "reduction": "HLM_REDUCTION_",
    "kind": "HLM_TENSOR_",
    "hlm_preference_options.kind": "HLM_PREFERENCE_",
    "hlm_policy_options.kind": "HLM_POLICY_",
}


def named(member: str, value: Any, struct: str = "") -> Any:
    """`value`, or the constant that it names. ValueError, listing the names, for one that there is not."""
    if member.endswith("_json") and value is not None and not isinstance(value, str):
        return json.dumps(value)
    prefix = _PREFIXES.get(f"{struct}.{member}", _PREFIXES.get(member))
    if prefix is None or not isinstance(value, str):
        return value
    found = getattr(native, prefix + value.upper().replace("-", "_"), None)
    if found is None:
        names = sorted(name[len(prefix) :].lower() for name in dir(native) if name.startswith(prefix))
        raise ValueError(f"{member} is {value!r}; it must be one of {', '.join(names)}")
    return found


def members(struct: str) -> List[str]:
    """The names of a struct's members that can be set."""
    return sorted(name[len(struct) + 1 : -4] for name in dir(native) if name.startswith(struct + "_") and name.endswith("_set"))


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
            raise TypeError(f"there is no option {member!r}; there are {', '.join(members(struct))}")
        try:
            setter(own, named(member, value, struct))
        except TypeError as error:
            raise TypeError(f"{member} is {value!r}: {error}") from None
    return own
