"""Data sets: files of examples as steps of documents."""

import json
import os
import re
import tempfile
import weakref
from array import array
from typing import Any, ClassVar, Dict, Iterator, Mapping, Optional, Union

from ._errors import Error, InvalidArgumentError
from ._handle import Handle, counted
from ._load import native
from ._plain import plain
from ._records import write_lines
from .batch import Batch, Buffer, Documents, as_buffer
from .template import Template
from .tokenizer import Tokenizer


class Dataset(Handle):
    """Files of examples as steps of documents: Dataset({"data": "train.jsonl", "seq_len": 1024}, tokenizer, template).

    Read in the formats people have, tokenized once and kept, shuffled, mixed, split and packed; docs/datasets.md and hlm_dataset_open in
    horizon_lm.h describe the config, a mapping or its JSON. Text needs a tokenizer, conversations a template; config's "model" names a folder
    that has both. They may be closed afterwards.

    InvalidArgumentError naming file and line for a damaged record or an unknown key; FailedPreconditionError where the tokenizer or the
    template is missing.
    """

    _kind: ClassVar[str] = "dataset"
    _folder: Any = None  # removes the records' file

    def __init__(self, config: Union[str, Mapping[str, Any]], tokenizer: Optional[Tokenizer] = None, template: Optional[Template] = None) -> None:
        for name, given, kind in (("tokenizer", tokenizer, Tokenizer), ("template", template, Template)):
            if given is not None and not isinstance(given, kind):
                raise TypeError(f"{name} is a {type(given).__name__}; a {kind.__name__} is wanted")
        self._box = native.hlm_dataset_open(_text_of(config), None if tokenizer is None else tokenizer._box, None if template is None else template._box)

    @staticmethod
    def read_record(config: Union[str, Mapping[str, Any]], index: int) -> Dict[str, Any]:
        """Record `index` of the files, from 0, as a data set of this config would read it: "where", "kind", "messages" and more. Nothing is tokenized."""
        return dict(json.loads(native.hlm_dataset_read_record(_text_of(config), index)))

    @classmethod
    def of(
        cls,
        records: Any,
        config: Optional[Mapping[str, Any]] = None,
        tokenizer: Optional[Tokenizer] = None,
        template: Optional[Template] = None,
    ) -> "Dataset":
        """A data set of records in memory, or in Parquet and Arrow: whatever horizonlm.records takes. config as for a file, without "data".

        The records are read once, into a file of their own that is removed when the data set is closed. Their tokens go with it, unless config
        has a "cache_dir", where they are found by their content.
        """
        options = dict(config or {})
        if "data" in options:
            raise ValueError('config has "data" beside the records')
        folder = tempfile.TemporaryDirectory(prefix="horizonlm-")
        try:
            options["data"] = os.path.join(folder.name, "records.jsonl")
            with open(options["data"], "wb") as file:
                write_lines(records, file)
            own = cls(options, tokenizer, template)
        except Error as error:  # the file is nobody's who reads this
            folder.cleanup()
            file_name = re.escape(options["data"])
            message = re.sub(file_name + r":(\d+)", lambda line: f"record {int(line[1]) - 1}", error.message)
            raise type(error)(re.sub(file_name, "the records", message)) from None
        except BaseException:
            folder.cleanup()
            raise
        own._folder = weakref.finalize(own, folder.cleanup)
        return own

    def close(self) -> None:
        """Frees the native object, and removes the file of records that came from memory."""
        super().close()
        if self._folder is not None:
            self._folder()

    def __len__(self) -> int:
        """The documents of an epoch."""
        return int(self.describe()["documents"])

    def _about(self) -> str:
        about = self.describe()
        return f"{counted(about['documents'], 'document')}, {counted(about['tokens'], 'token')}"

    def describe(self) -> Dict[str, Any]:
        """What was read: "records", "documents", "tokens", "trained_tokens", "dropped_for", "account", "rows" (an epoch), "column_length", "cache" and more."""
        return dict(json.loads(native.hlm_dataset_describe(self._box)))

    def next(self, rows: int) -> Optional[Documents]:
        """The next step: what `rows` rows of seq_len tokens hold (a plan's batch_size). None at the end of the last epoch."""
        return _documents(native.hlm_dataset_next(self._box, rows))

    def steps(self, rows: int) -> Iterator[Documents]:
        """The steps that are left: for step in dataset.steps(8): trainer.step(step). trainer.fit takes it too. They are without end
        where the config's "epochs" is 0, the default."""
        while True:
            step = self.next(rows)
            if step is None:
                return
            yield step

    def mismatched(self) -> Optional[Documents]:
        """For "kto": the last step with answers moved on to another prompt (see Trainer.accumulate_kto). None where it has one prompt."""
        return _documents(native.hlm_dataset_mismatched(self._box))

    def position(self) -> str:
        """Where the next step begins, a short JSON text: for a checkpoint's user_data."""
        return str(native.hlm_dataset_position(self._box))

    def seek(self, position: str) -> None:
        """Goes to such a place: what follows is what followed then. FailedPreconditionError where files or options are others."""
        native.hlm_dataset_seek(self._box, position)

    def write_column(self, name: str, key: str, values: Buffer) -> None:
        """Keeps a float32 for each document ([column_length]) in the cache, as log-probabilities of a reference.

        key: what they were computed with, as a hash of the weights. FailedPreconditionError without a cache.
        """
        native.hlm_dataset_write_column(self._box, name, key, as_buffer(values, "f"))

    def read_column(self, name: str, key: str, out: Optional[Buffer] = None) -> Any:
        """What write_column kept: into `out`, which is returned, or into a new array. NotFoundError where there is none."""
        if out is None:
            out = array("f", bytes(4 * int(self.describe()["column_length"])))
        native.hlm_dataset_read_column(self._box, name, key, out)
        return out


def _text_of(config: Any) -> str:
    """A configuration as JSON, where NumPy's numbers are numbers and paths are texts."""
    if isinstance(config, os.PathLike) or (isinstance(config, str) and not config.lstrip().startswith(("{", "["))):
        raise InvalidArgumentError(f"the configuration is {os.fspath(config)!r}, no mapping: a file is {{'data': {os.fspath(config)!r}}}")
    return config if isinstance(config, str) else json.dumps(config, default=plain)


def _documents(box: Any) -> Optional[Documents]:
    if box is None:
        return None
    ids, documents, rows, trained, epoch = native.hlm_documents_describe(box)
    step = Documents(
        Batch(array("i", bytes(4 * ids)), array("q", bytes(8 * (documents + 1))), array("i", bytes(4 * ids))),
        array("q", bytes(8 * documents)),
        array("i", bytes(4 * documents)),
        array("q", bytes(8 * rows)),
        trained,
        epoch,
    )
    native.hlm_documents_copy(box, step.batch.ids, step.batch.offsets, step.batch.labels, step.numbers, step.desirable, step.rows)
    native.hlm_documents_close(box)
    return step
