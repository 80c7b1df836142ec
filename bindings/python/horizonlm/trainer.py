"""Trainers: steps, evaluation, tensors, saving."""

import importlib
import json
import math
import operator
import os
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple, Union

from . import _options
from ._errors import InvalidArgumentError
from ._load import native
from .batch import Batch, Buffer, Documents, as_buffer, to_batch
from .callbacks import Run
from .dataset import Dataset
from .group import Group
from .losses import Evaluation, Losses, Weights, numpy
from .model import Model, Path
from .plan import Plan

if TYPE_CHECKING:
    from typing_extensions import Unpack


class StepMetrics(NamedTuple):
    """What an optimizer step did; hlm_step_metrics in horizon_lm.h. The fields are that struct's members, in its order.

    mean_token_accuracy and entropy are None without the trainer's option token_metrics; what is said of experts is None where the model
    has none, aux_loss and router_z_loss where the loss has no such term.
    """

    step: int
    loss: float
    grad_norm: float
    lr: float
    tokens: int
    seconds: float
    skipped: int
    skipped_units: int
    mean_token_accuracy: Optional[float]
    entropy: Optional[float]
    aux_loss: Optional[float]
    router_z_loss: Optional[float]
    expert_imbalance: Optional[float]
    unrouted_experts: Optional[float]

    @classmethod
    def _of(cls, values: Any) -> "StepMetrics":
        whole = cls._make(values)
        absent: Dict[str, Any] = {name: None for name in cls._fields[10:] if getattr(whole, name) < 0}
        if whole.mean_token_accuracy is not None and whole.mean_token_accuracy < 0:
            absent.update(mean_token_accuracy=None, entropy=None)
        return whole._replace(**absent)


@_options.documented("hlm_trainer_options")
class Trainer(Losses):
    """Trains a model under a plan: Trainer(model, plan, lr=1e-5, schedule="cosine", total_steps=1000, ...).

    Options are the members of hlm_trainer_options in horizon_lm.h: AdamW and its schedule. Allocates what the plan says and loads the
    weights; model and plan may be closed afterwards.

    Where a method takes `batch`, that is a Batch, a step of a Dataset, or ids with the other parts of a Batch as keywords (offsets, labels,
    weights, denominator, entropy_weights, temperature).

    group: the processes that share each step; every one of them makes the same calls, each with rows of its own (see
    hlm_trainer_create_in_group in horizon_lm.h).
    """

    _kind: ClassVar[str] = "trainer"

    def __init__(
        self, model: Model, plan: Plan, *, group: Optional[Group] = None, **options: "Unpack[_options.TrainerOptions]"
    ) -> None:
        if not isinstance(model, Model):
            raise TypeError(f"model is a {type(model).__name__}; a Model is wanted")
        if not isinstance(plan, Plan):
            raise TypeError(f"plan is a {type(plan).__name__}; a Plan is wanted")
        if group is not None and not isinstance(group, Group):
            raise TypeError(f"group is a {type(group).__name__}; a Group is wanted")
        filled = _options.fill("hlm_trainer_options", options)
        if group is None:
            self._box = native.hlm_trainer_create(model._box, plan._box, filled)
        else:
            self._box = native.hlm_trainer_create_in_group(model._box, plan._box, filled, group._box)
        about = model.describe()
        self._settings = {
            "architecture": about["architecture"], "parameters": about["parameters"], "device": plan.json()["device"],
            "step_tokens": plan.value("step_tokens"),
            **{name: value.tolist() if hasattr(value, "tolist") else value for name, value in options.items()},  # NumPy's are no JSON
        }  # fmt: skip
        self._run: Optional[Run] = None  # of the fit in progress
        self._vocab = int(about["vocab_size"])
        self._shapes: Dict[str, Tuple[int, ...]] = {tensor["name"]: tuple(tensor["shape"]) for tensor in about["tensors"]}

    def _about(self) -> str:
        return f"{len(self._shapes)} tensors, {sum(math.prod(shape) for shape in self._shapes.values()):,} parameters"

    @property
    def settings(self) -> Dict[str, Any]:
        """What is trained and how, for a tracker: "architecture", "parameters", "device", "step_tokens", and the options that were given."""
        return dict(self._settings)

    @property
    def shapes(self) -> Dict[str, Tuple[int, ...]]:
        """The shapes of the model's tensors by name."""
        return dict(self._shapes)

    def step(self, batch: Union[Batch, Documents, Buffer], **parts: Any) -> StepMetrics:
        """One optimizer step: accumulate, then apply. A batch of which nothing is predicted makes a step that is skipped."""
        return StepMetrics._of(self._call(native.hlm_trainer_step, *to_batch(batch, parts)._arguments()))

    def accumulate(self, batch: Union[Batch, Documents, Buffer], **parts: Any) -> Evaluation:
        """Forward and backward: adds the batch's gradient to what was accumulated since the last apply; changes no weight."""
        return Evaluation._make(self._call(native.hlm_trainer_accumulate, *to_batch(batch, parts)._arguments()))

    def apply(self) -> StepMetrics:
        """Clips, updates the weights, forgets the gradient. FailedPreconditionError where nothing was accumulated."""
        return StepMetrics._of(self._call(native.hlm_trainer_apply))

    def discard(self) -> None:
        """Forgets what was accumulated; no weight changes."""
        native.hlm_trainer_discard(self._box)

    def fit(
        self, batches: Iterable[Any], *, steps: Optional[int] = None, progress: Optional[bool] = None, callbacks: Iterable[Any] = ()
    ) -> Iterator[StepMetrics]:
        """Makes a step of each batch and yields its metrics.

        steps: ends after so many; None: with the batches. progress: True or False shows or hides a tqdm bar; None shows it where tqdm is
        installed. callbacks: are told of the beginning, each step, evaluations and saves that are made meanwhile, and the end; see
        horizonlm.callbacks. The batches are drawn one at a time, so they may be a generator without an end.

        Each step is made when its metrics are asked for: `for metrics in trainer.fit(batches): ...`. A call whose steps nobody asks for
        trains nothing, and warns.
        """
        if isinstance(batches, Dataset):
            raise TypeError("batches is a Dataset; its steps are wanted: fit(dataset.steps(rows)), with a plan's batch_size for rows")
        if steps is not None:
            steps = operator.index(steps)
            if steps < 0:
                raise ValueError(f"steps is {steps}; it must not be negative (None: with the batches)")
        return Steps(self._fit(batches, steps, progress, Run(self, callbacks)))

    def _fit(self, batches: Iterable[Any], steps: Optional[int], progress: Optional[bool], run: Run) -> Iterator[StepMetrics]:
        bar = _bar(progress, steps if steps is not None else _length(batches))
        error: Optional[BaseException] = None
        outer, self._run = self._run, run
        try:
            run.tell("on_train_begin")
            done = 0
            source = iter(batches)
            while not run.stopped and (steps is None or done < steps):
                try:
                    batch = next(source)
                except StopIteration:
                    break
                metrics = self.step(batch)
                done += 1
                if bar is not None:
                    bar.set_postfix(loss=f"{metrics.loss:.4f}", refresh=False)
                    bar.update(1)
                run.tell("on_step_end", metrics)
                yield metrics
        except GeneratorExit:  # the caller's loop ended
            raise
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._run = outer
            if bar is not None:
                bar.close()
            run.end(error)

    def _tell(self, event: str, value: Any) -> None:
        if self._run is not None:
            self._run.tell(event, value)

    def set_learning_rate(self, lr: float) -> None:
        """A constant rate from the next apply on, instead of the schedule's; negative: the schedule again."""
        native.hlm_trainer_set_learning_rate(self._box, lr)

    def evaluate(
        self, batch: Union[Batch, Documents, Buffer, Iterable[Union[Batch, Documents]]], *, kept: Optional[Weights] = None, **parts: Any
    ) -> Evaluation:
        """The mean loss over the batch's predicted tokens; changes nothing. math.exp of it is the perplexity.

        Of several batches, a list or an iterator as held_out.steps(8): the mean over all their predicted tokens; InvalidArgumentError for
        none, as where nothing is predicted.
        kept: under weights that this trainer kept, instead of the current ones.
        """
        listed = isinstance(batch, (list, tuple)) and not isinstance(batch, Documents) and isinstance(next(iter(batch), None), (Batch, Documents))
        if isinstance(batch, Dataset):
            raise TypeError("batch is a Dataset; its steps are wanted: evaluate(dataset.steps(rows)), with a plan's batch_size for rows")
        if isinstance(batch, Iterator) or listed:
            found = _mean(self._evaluate(to_batch(one, parts), kept) for one in batch)
        else:
            found = self._evaluate(to_batch(batch, parts), kept)
        if kept is None:
            self._tell("on_evaluate", found)
        return found

    def _evaluate(self, batch: Batch, kept: Optional[Weights]) -> Evaluation:
        if kept is not None:
            return Evaluation._make(self._call(native.hlm_trainer_evaluate_weights, kept._box, *batch._arguments()))
        return Evaluation._make(self._call(native.hlm_trainer_evaluate, *batch._arguments()))

    def logits(self, batch: Union[Batch, Documents, Buffer], places: Optional[Buffer] = None, out: Optional[Buffer] = None, **parts: Any) -> Any:
        """Logits of the next token at `places` (rising indices into ids; None: at every place): [places, vocab_size] float32.

        They are written to `out`, a writable float32 buffer of exactly that size, and it is returned; without one, to a new NumPy array.
        """
        whole = to_batch(batch, parts)
        places = as_buffer(places, "q")
        if out is None:
            n = memoryview(whole.ids if places is None else places).nbytes // (4 if places is None else 8)
            out = numpy().empty((n, self._vocab), dtype="float32")
        self._call(native.hlm_trainer_logits, whole.ids, whole.offsets, places, out)
        return out

    def read(self, name: str, kind: Union[str, int] = "weight", *, out: Optional[Buffer] = None, byte_offset: int = 0) -> Any:
        """Reads a tensor as float32, whatever it is stored as.

        kind: "weight", "gradient" (between accumulate and apply), "first_moment", "second_moment".
        Without `out`: a new NumPy array of the tensor's shape. With it: as much as it holds, from byte_offset on, into that float32
        buffer; it is returned. NotFoundError for a name the model lacks, OutOfRangeError past the end.
        """
        if out is None:
            if byte_offset != 0:
                raise ValueError(f"byte_offset is {byte_offset} without an `out` that says how much to read")
            # A name that is not known is the library's to refuse.
            out = numpy().empty(self._shapes.get(name, (1,)), dtype="float32")
        native.hlm_trainer_read_tensor(self._box, name, _options.named("kind", kind), byte_offset, _floats(out, "out"))
        return out

    def write(self, name: str, data: Buffer, kind: Union[str, int] = "weight", *, byte_offset: int = 0) -> None:
        """Writes float32 values into a tensor, from byte_offset on: the inverse of read. Values must be finite."""
        native.hlm_trainer_write_tensor(self._box, name, _options.named("kind", kind), byte_offset, _floats(as_buffer(data, "f"), "data"))

    @_options.documented("hlm_save_options")
    def save_model(self, folder: Path, **options: "Unpack[_options.SaveOptions]") -> None:
        """Writes the current weights as a Hugging Face folder; options as in Model.save. Never leaves a half-written folder."""
        native.hlm_trainer_save_model(self._box, os.fspath(folder), _options.fill("hlm_save_options", options))
        self._tell("on_save", folder)

    @_options.documented("hlm_checkpoint_options")
    def save(self, directory: Path, **options: "Unpack[_options.CheckpointOptions]") -> None:
        """Saves the state after the last step into directory/step-<step>, never half; docs/checkpoint.md is the format.

        keep: so many newest checkpoints stay (0: all); background (default True): returns once the state is fixed and writes while training
        goes on; user_data: a text that resume hands out, as a data set's position. FailedPreconditionError between accumulate and apply, and
        for a plan without optimizer states.
        """
        native.hlm_trainer_save(self._box, os.fspath(directory), _options.fill("hlm_checkpoint_options", options))
        self._tell("on_save", directory)

    def save_wait(self, seconds: float = -1.0) -> bool:
        """Waits at most so long (0: looks only; negative: without limit) until no save is under way, and says whether none is.

        Raises, once, the error of a background save that failed.
        """
        return bool(native.hlm_trainer_save_wait(self._box, seconds))

    @_options.documented("hlm_resume_options")
    def resume(self, path: Path, **options: "Unpack[_options.ResumeOptions]") -> Dict[str, Any]:
        """Puts the trainer into the state of the newest good checkpoint of a directory, or of one checkpoint folder.

        Returns "step", "path", "user_data" (or None), and "passed_over": the damaged ones. NotFoundError where there is none, DataLossError
        where all are damaged, FailedPreconditionError for one of another model, precision or numerics (allow_numerics_change=True: goes on
        within rounding, not bit for bit).
        """
        return dict(json.loads(native.hlm_trainer_resume(self._box, os.fspath(path), _options.fill("hlm_resume_options", options))))

    def metrics(self) -> Dict[str, Any]:
        """Counters since creation: bytes moved, waits by cause, seconds by phase; docs/metrics.md lists the keys."""
        return dict(json.loads(native.hlm_trainer_metrics(self._box)))

    def trace_start(self) -> None:
        """Starts recording a trace, forgetting an earlier one."""
        native.hlm_trainer_trace_start(self._box)

    def trace_write(self, path: Path) -> None:
        """Ends the trace and writes it as Chrome/Perfetto JSON."""
        native.hlm_trainer_trace_write(self._box, os.fspath(path))

    def set_deadline(self, seconds: float) -> None:
        """Every later call that `cancel` ends (steps, what accumulates, apply, evaluations, logits and log-probabilities) ends with
        DeadlineExceededError once it ran so long; 0: no limit."""
        native.hlm_trainer_set_deadline(self._box, seconds)

    def finish(self) -> None:
        """Waits for pending updates."""
        native.hlm_trainer_finish(self._box)


class Steps(Iterator[StepMetrics]):
    """The steps of a fit, each made when it is asked for."""

    def __init__(self, steps: Iterator[StepMetrics]) -> None:
        self._steps, self._begun = steps, False

    def __next__(self) -> StepMetrics:
        self._begun = True
        return next(self._steps)

    def __del__(self) -> None:
        if not self._begun:
            warnings.warn("Trainer.fit was called and none of its steps was asked for, so nothing was trained: loop over it", RuntimeWarning, stacklevel=2)


def _floats(buffer: Any, name: str) -> Any:
    """The buffer, which must hold float32 or plain bytes of it: a tensor is read and written as float32, whatever it is stored as."""
    try:
        letter = memoryview(buffer).format.lstrip("@=<")
    except TypeError:
        return buffer  # the library's to refuse
    if letter not in ("f", "B", "b", "c"):
        raise TypeError(f"{name} must hold float32; its elements have the format '{letter}'")
    return buffer


def _mean(parts: Iterable[Evaluation]) -> Evaluation:
    """The mean over all predicted tokens of several evaluations; each has some."""
    loss, tokens = 0.0, 0
    for part in parts:
        loss += part.loss * part.tokens
        tokens += part.tokens
    if tokens == 0:  # a loss of 0 would be the best of all
        raise InvalidArgumentError("nothing is predicted: there is no batch; the steps of a data set may have come to their end")
    return Evaluation(loss / tokens, tokens)


def _length(batches: Iterable[Any]) -> Optional[int]:
    return len(batches) if isinstance(batches, (list, tuple)) else None


def _bar(progress: Optional[bool], total: Optional[int]) -> Any:
    if progress is False:
        return None
    try:
        tqdm = importlib.import_module("tqdm.auto").tqdm
    except ImportError:
        if progress:
            raise ImportError("a progress bar needs tqdm") from None
        return None
    return tqdm(total=total, unit="step")


def checkpoints(directory: Path) -> Dict[str, Any]:
    """The checkpoints of a directory, newest first: {"checkpoints": [{"path", "step", "bytes", "numerics", "user_data"}], "damaged": [...]}.

    Both lists are empty for a directory that is missing.
    """
    return dict(json.loads(native.hlm_checkpoint_list(os.fspath(directory))))


def check_checkpoints(directory: Path, bytes: int) -> None:
    """Raises where Trainer.save could not write into the directory, or has fewer than so many bytes free: of one checkpoint
    plan.value("saving.state_bytes")."""
    native.hlm_checkpoint_check(os.fspath(directory), bytes)
