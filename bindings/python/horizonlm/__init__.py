"""Horizon-LM: trains large language models from host memory.

    import horizonlm as hlm

    with hlm.Model.open("Qwen2.5-0.5B") as model, model.plan(batch_size=8, seq_len=1024) as plan:
        with hlm.Trainer(model, plan, lr=1e-5) as trainer:
            for metrics in trainer.fit(batches):          # a tqdm bar where tqdm is installed
                print(metrics.step, metrics.loss)
            trainer.save_model("tuned")                   # loads in transformers

Files of examples become batches by a Dataset, with the Tokenizer and the chat Template of a model's folder:

    with hlm.Dataset({"data": "train.jsonl", "model": "Qwen2.5-0.5B", "seq_len": 1024}) as dataset:
        for metrics in trainer.fit(dataset.steps(8), steps=1000): ...

Dataset.of(source) takes records instead: a list of dicts, Parquet and Arrow files, tables, and sets of `datasets` (by pyarrow).

Others are told of a run by callbacks: trainer.fit(batches, callbacks=[hlm.callbacks.WandB(project="tuning")]).

Buffers are passed without a copy: NumPy arrays, array.array, memoryview and whatever else has the buffer protocol, int32 for token ids and
labels, int64 for offsets, float32 for weights. Lists are taken too and copied. A call holds a buffer until it returns and releases the
interpreter's lock meanwhile.

A handle (Model, Plan, Trainer, Optimizer, Tokenizer, Template, Dataset, ...) is closed by `with` or `close()`, at the latest when it is collected. Different handles may be used from
different threads; two threads at once in one handle get FailedPreconditionError, except that Trainer.cancel may be called from any.

Every error of the library is a horizonlm.Error with its code; a wrong kind of buffer is a TypeError or BufferError.
"""

from . import callbacks
from ._load import native as _native
from ._errors import (
    AlreadyExistsError,
    CancelledError,
    DataLossError,
    DeadlineExceededError,
    Error,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    ResourceExhaustedError,
    UnavailableError,
    UnimplementedError,
)
from ._records import records, write_jsonl
from .batch import Batch, Documents
from .dataset import Dataset
from .device import describe_device, describe_machine, devices
from .group import Group
from .losses import Evaluation, KtoMetrics, PolicyMetrics, PreferenceMetrics, Weights, sum_logprobs
from .model import Model
from .optimizer import Optimizer
from .plan import Plan
from .template import Template
from .tokenizer import Decoder, Encoding, Tokenizer
from .trainer import StepMetrics, Trainer, check_checkpoints, checkpoints

__version__: str = _native.hlm_version()

__all__ = [
    "AlreadyExistsError",
    "Batch",
    "CancelledError",
    "DataLossError",
    "Dataset",
    "DeadlineExceededError",
    "Decoder",
    "Documents",
    "Encoding",
    "Error",
    "Evaluation",
    "FailedPreconditionError",
    "Group",
    "InternalError",
    "InvalidArgumentError",
    "KtoMetrics",
    "Model",
    "NotFoundError",
    "Optimizer",
    "OutOfRangeError",
    "Plan",
    "PolicyMetrics",
    "PreferenceMetrics",
    "ResourceExhaustedError",
    "StepMetrics",
    "Template",
    "Tokenizer",
    "Trainer",
    "UnavailableError",
    "UnimplementedError",
    "Weights",
    "callbacks",
    "check_checkpoints",
    "checkpoints",
    "describe_device",
    "describe_machine",
    "devices",
    "records",
    "sum_logprobs",
    "write_jsonl",
]
