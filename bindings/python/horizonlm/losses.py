"""Log-probabilities, kept weights, and losses made of log-probabilities."""

import importlib
from array import array
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Optional, Tuple, Union

from . import _interrupt, _options
from ._handle import Handle
from ._load import native
from .batch import Batch, Buffer, Documents, as_buffer, to_batch

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Evaluation(NamedTuple):
    """A mean loss and the number of tokens that it is the mean over."""

    loss: float
    tokens: int


class PreferenceMetrics(NamedTuple):
    """What a loss on pairs says; hlm_preference_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over pairs."""

    loss: float
    reward_chosen: float
    reward_rejected: float
    accuracy: float
    margin: float
    logprob_chosen: float
    logprob_rejected: float
    sft: float
    pairs: int
    tokens: int


class KtoMetrics(NamedTuple):
    """What KTO says; hlm_kto_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over documents."""

    loss: float
    kl: float
    reward_desirable: float
    reward_undesirable: float
    logprob_desirable: float
    logprob_undesirable: float
    desirable: int
    undesirable: int
    tokens: int


class PolicyMetrics(NamedTuple):
    """What a policy loss says; hlm_policy_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over tokens."""

    loss: float
    policy: float
    kl: float
    entropy: float
    ratio: float
    least_ratio: float
    largest_ratio: float
    approx_kl: float
    clipped_low: float
    clipped_high: float
    clipped_dual: float
    importance: float
    weight: float
    tokens: int


def numpy() -> Any:
    """NumPy, where arrays are made."""
    try:
        return importlib.import_module("numpy")
    except ImportError as error:
        raise ImportError("arrays need NumPy; without it, pass a buffer of your own as `out`") from error


class Weights(Handle):
    """The weights of a trainer as they were at one moment. Made by Trainer.keep_weights; closing it frees its place in the plan's frozen_copies."""

    _kind: ClassVar[str] = "weights"

    def __init__(self) -> None:
        raise TypeError("use Trainer.keep_weights()")

    @classmethod
    def _of(cls, box: Any) -> "Weights":
        weights = cls.__new__(cls)
        weights._box = box
        return weights


class Losses(Handle):
    """What a Trainer does with log-probabilities. An array [n_ids] belongs to the token at its place: its log-probability given those before it."""

    def cancel(self) -> None:
        """Asks the call in progress, or the next one, to end with CancelledError. From any thread; never fails.

        A step that is cancelled before its first update changes nothing and drops its gradient; after that it completes. Ctrl-C does this to
        the main thread's call, which then ends with KeyboardInterrupt.
        """
        native.hlm_trainer_cancel(self._capsule)

    def _call(self, function: Any, *arguments: Any) -> Any:
        return _interrupt.run(self.cancel, function, self._box, *arguments)

    def keep_weights(self) -> Weights:
        """Keeps the weights as they are now, as a reference. ResourceExhaustedError where the plan's frozen_copies are all in use."""
        return Weights._of(native.hlm_trainer_keep_weights(self._box))

    def logprobs(
        self,
        batch: Union[Batch, Documents, Buffer],
        *,
        kept: Optional[Weights] = None,
        out: Optional[Buffer] = None,
        entropies: Optional[Buffer] = None,
        greedy: Optional[Buffer] = None,
        **parts: Any,
    ) -> Any:
        """Log-probabilities of the labels, [n_ids] float32; forward only, for a batch of any size. 0 at a document's first token and where a label is -100.

        kept: under weights that this trainer kept, instead of the current ones. They are written to `out`, which is returned; without
        one, to a new NumPy array. entropies, greedy: float32 buffers [n_ids] that get the entropy of each prediction in nats, and the
        log-probability of its likeliest token.
        """
        whole = to_batch(batch, parts)
        if out is None:
            out = numpy().empty(whole.n_ids, dtype="float32")
        self._call(native.hlm_trainer_logprobs, None if kept is None else kept._box, *whole._arguments(), out, entropies, greedy)
        return out

    @_options.documented("hlm_preference_options")
    def accumulate_preference(
        self,
        batch: Union[Batch, Documents],
        *,
        reference_sums: Optional[Buffer] = None,
        reference_logprobs: Optional[Buffer] = None,
        **options: "Unpack[_options.PreferenceOptions]",
    ) -> PreferenceMetrics:
        """Accumulates a loss on pairs: documents 2i are preferred to documents 2i + 1. apply ends the step.

        kind: "sigmoid" (DPO, default), "robust", "hinge", "ipo", "sigmoid_norm", "exo_pair", "nca_pair", "bco_pair", "sppo_hard",
        "apo_zero", "apo_down", "orpo", "simpo"; docs/objectives.md has the formulas. The batch's weights, or labels of -100, say what counts.
        reference_sums: [documents] float64, as sum_logprobs gives them, or reference_logprobs: [n_ids] float32, as logprobs does. Kinds
        but "orpo" and "simpo" need one of them, or reference_free=True. InvalidArgumentError for an odd number of documents.
        """
        struct = _options.fill("hlm_preference_options", options)
        found = self._call(
            native.hlm_trainer_accumulate_preference, *to_batch(batch, {})._arguments(), struct, as_buffer(reference_sums, "d"), as_buffer(reference_logprobs, "f")
        )
        return PreferenceMetrics._make(found)

    @_options.documented("hlm_kto_options")
    def accumulate_kto(
        self,
        batch: Union[Batch, Documents],
        desirable: Optional[Buffer] = None,
        *,
        reference_sums: Optional[Buffer] = None,
        reference_logprobs: Optional[Buffer] = None,
        mismatched: Union[Batch, Documents, None] = None,
        mismatched_sums: Optional[Buffer] = None,
        **options: "Unpack[_options.KtoOptions]",
    ) -> KtoMetrics:
        """Accumulates KTO: each document is desirable or not. apply ends the step.

        desirable: [documents] int32, 1 or 0; None with a step of a Dataset: the step's own. A reference as in accumulate_preference.
        mismatched: prompts with other prompts' answers (Dataset.mismatched), with the reference's sums of its documents: kl comes from it;
        without it, kl is the option's.
        """
        if desirable is None and isinstance(batch, Documents):
            desirable = batch.desirable
        struct = _options.fill("hlm_kto_options", options)
        other = [None] * 4 if mismatched is None else to_batch(mismatched, {})._arguments()[:4]
        found = self._call(
            native.hlm_trainer_accumulate_kto, *to_batch(batch, {})._arguments(), struct, as_buffer(desirable, "i"), as_buffer(reference_sums, "d"),
            as_buffer(reference_logprobs, "f"), *other, as_buffer(mismatched_sums, "d")
        )  # fmt: skip
        return KtoMetrics._make(found)

    @_options.documented("hlm_policy_options")
    def accumulate_policy(
        self,
        batch: Union[Batch, Documents],
        advantages: Buffer,
        *,
        old_logprobs: Optional[Buffer] = None,
        reference_logprobs: Optional[Buffer] = None,
        rollout_logprobs: Optional[Buffer] = None,
        **options: "Unpack[_options.PolicyOptions]",
    ) -> PolicyMetrics:
        """Accumulates a policy-gradient loss (PPO, GRPO and their kin). apply ends the step.

        All arrays are [n_ids] float32. advantages: of each token. old_logprobs: under the weights that sampled; None: the current ones,
        every ratio is 1. reference_logprobs: for the divergence (kl_weight). rollout_logprobs: the sampler's own, for importance weights.
        kind: "clip" or "cispo"; ratio: "token" or "sequence"; kl: "k1", "k2", "k3", "abs"; reduction: "token_mean", "sequence_mean",
        "sequence_sum"; docs/objectives.md has the formulas.
        """
        struct = _options.fill("hlm_policy_options", options)
        found = self._call(
            native.hlm_trainer_accumulate_policy, *to_batch(batch, {})._arguments(), struct, as_buffer(advantages, "f"), as_buffer(old_logprobs, "f"),
            as_buffer(reference_logprobs, "f"), as_buffer(rollout_logprobs, "f")
        )  # fmt: skip
        return PolicyMetrics._make(found)


def sum_logprobs(batch: Union[Batch, Documents], logprobs: Buffer) -> Tuple["array[float]", "array[float]"]:
    """Sums over each document, in double and in order: of weight * logprob, and of the weights. Two arrays [documents] of float64.

    What the losses do with log-probabilities first: reference sums made so give a first DPO loss of ln 2.
    """
    whole = to_batch(batch, {})
    sums, tokens = array("d", bytes(8 * whole.n_documents)), array("d", bytes(8 * whole.n_documents))
    native.hlm_batch_sum_logprobs(*whole._arguments(), as_buffer(logprobs, "f"), sums, tokens)
    return sums, tokens
