"""What Trainer.fit tells others: a base class, and the trackers that people use.

    trainer.fit(batches, callbacks=[hlm.callbacks.WandB(project="tuning")])

A callback is any object with some of Callback's methods; those that it lacks are left out.
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any, Dict, Iterable, Mapping, Optional

if TYPE_CHECKING:
    from .losses import Evaluation
    from .model import Path
    from .trainer import StepMetrics, Trainer


class Callback:
    """What Trainer.fit calls, in the thread that draws the steps. An exception that is raised here ends the run and is the caller's.

    The loop around fit is the caller's own: evaluations and saves are those that it makes between two steps.
    """

    def on_train_begin(self, trainer: "Trainer") -> None:
        """Before the first batch is drawn. trainer.settings says what is trained, and how."""

    def on_step_end(self, trainer: "Trainer", metrics: "StepMetrics") -> Optional[bool]:
        """After a step, before fit hands its metrics out. True: it is the last one."""

    def on_evaluate(self, trainer: "Trainer", evaluation: "Evaluation") -> Optional[bool]:
        """After Trainer.evaluate of the current weights. True: no further step is made."""

    def on_save(self, trainer: "Trainer", folder: "Path") -> None:
        """After Trainer.save or save_model, with the folder that it was given. A checkpoint may still be on its way to the disk: see save_wait."""

    def on_train_end(self, trainer: "Trainer", error: Optional[BaseException]) -> None:
        """At the end, once. error: what a step, a batch or a callback raised; None where the batches or the loop ended."""


class Run:
    """The callbacks of one run of fit."""

    def __init__(self, trainer: "Trainer", callbacks: Iterable[Any]) -> None:
        if not isinstance(callbacks, Iterable):
            raise TypeError(f"callbacks is a {type(callbacks).__name__}; a list of callbacks is wanted")
        self._trainer, self._callbacks, self.stopped = trainer, list(callbacks), False
        names = {name for name in vars(Callback) if name.startswith("on_")}
        for callback in self._callbacks:
            if isinstance(callback, type):
                raise TypeError(f"{callback.__name__} is a class; one of it is wanted: {callback.__name__}(...)")
            if not any(callable(getattr(callback, name, None)) for name in names):
                raise TypeError(f"{callback!r} is no callback: it has none of {', '.join(sorted(names))}")

    def tell(self, event: str, *values: Any) -> None:
        """Calls `event` of each callback. Where one returns True, the run is to stop."""
        for callback in self._callbacks:
            method = getattr(callback, event, None)
            if method is not None and method(self._trainer, *values) is True:
                self.stopped = True

    def end(self, error: Optional[BaseException]) -> None:
        """Calls on_train_end of each callback, whatever the others do. Where the run had no error, the first of theirs is raised; others are warnings."""
        first = error
        for callback in self._callbacks:
            method = getattr(callback, "on_train_end", None)
            try:
                if method is not None:
                    method(self._trainer, error)
            except BaseException as raised:
                if first is None:
                    first = raised
                else:
                    warnings.warn(f"on_train_end of {callback!r}: {type(raised).__name__}: {raised}", RuntimeWarning, stacklevel=2)
        if error is None and first is not None:
            raise first


class _Tracker(Callback):
    """What the trackers share: numbers by name and step. A run that somebody else began is used, and not ended."""

    _step = 0

    def _log(self, values: Dict[str, float]) -> None:
        raise NotImplementedError

    def on_step_end(self, trainer: "Trainer", metrics: "StepMetrics") -> None:
        """Logs the metrics that there are, as train/loss and the like."""
        self._step = metrics.step
        values = {f"train/{name}": value for name, value in metrics._asdict().items() if name not in ("step", "skipped_units") and value is not None}
        if metrics.seconds > 0:
            values["train/tokens_per_second"] = metrics.tokens / metrics.seconds
        self._log(values)

    def on_evaluate(self, trainer: "Trainer", evaluation: "Evaluation") -> None:
        """Logs eval/loss."""
        self._log({"eval/loss": evaluation.loss, "eval/tokens": evaluation.tokens})


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"this callback needs the package {name}, which is not part of horizonlm: pip install {name}") from error


class WandB(_Tracker):
    """Logs to Weights & Biases: WandB(project="tuning", name="first"), with the arguments of wandb.init. The package is imported when a run begins.

    A run that is under way (wandb.run) is logged to and left open. Curves are drawn over train/step, whatever else the run logs between.
    """

    def __init__(self, **init: Any) -> None:
        self._init, self._run, self._own = init, None, False  # type: Mapping[str, Any], Any, bool

    def on_train_begin(self, trainer: "Trainer") -> None:
        """Begins a run with trainer.settings as its config."""
        wandb = _module("wandb")
        own = wandb.run is None
        self._own = False  # until there is one to end
        self._run = wandb.init(**self._init) if own else wandb.run
        self._own = own
        self._run.config.update(trainer.settings, allow_val_change=True)
        for names in ("train/*", "eval/*"):
            self._run.define_metric(names, step_metric="train/step")

    def _log(self, values: Dict[str, float]) -> None:
        # wandb's own step only grows: a run that somebody else logs to, or that trains twice, would lose what has a lower one.
        self._run.log(dict(values, **{"train/step": float(self._step)}))

    def on_train_end(self, trainer: "Trainer", error: Optional[BaseException]) -> None:
        """Ends the run that it began; as failed where there was an error."""
        if self._own:
            self._run.finish(exit_code=0 if error is None else 1)


class MLflow(_Tracker):
    """Logs to MLflow: MLflow(experiment="tuning", run_name="first", tracking_uri="file:runs"). The package is imported when a run begins.

    A run that is active is logged to and left open.
    """

    def __init__(self, *, experiment: Optional[str] = None, run_name: Optional[str] = None, tracking_uri: Optional[str] = None) -> None:
        self._experiment, self._run_name, self._tracking_uri = experiment, run_name, tracking_uri
        self._mlflow, self._own = None, False  # type: Any, bool

    def on_train_begin(self, trainer: "Trainer") -> None:
        """Begins a run with trainer.settings as its parameters."""
        self._mlflow = _module("mlflow")
        self._own = False  # until there is one to end
        if self._mlflow.active_run() is None:
            if self._tracking_uri is not None:
                self._mlflow.set_tracking_uri(self._tracking_uri)
            if self._experiment is not None:
                self._mlflow.set_experiment(self._experiment)
            self._mlflow.start_run(run_name=self._run_name)
            self._own = True
        try:
            self._mlflow.log_params(trainer.settings)
        except self._mlflow.exceptions.MlflowException as error:  # a parameter has one value: of a run that trains twice the first
            warnings.warn(f"the settings are not in MLflow's run: {error}", RuntimeWarning, stacklevel=2)

    def _log(self, values: Dict[str, float]) -> None:
        self._mlflow.log_metrics(values, step=self._step)

    def on_train_end(self, trainer: "Trainer", error: Optional[BaseException]) -> None:
        """Ends the run that it began; as failed where there was an error."""
        if self._own:
            self._mlflow.end_run(status="FINISHED" if error is None else "FAILED")
