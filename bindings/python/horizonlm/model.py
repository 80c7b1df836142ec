"""Models: mathematics, and where the weights come from."""

import json
import os
import re
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Mapping, Union

from . import _options
from ._errors import InvalidArgumentError, NotFoundError
from ._handle import Handle, counted
from ._load import native
from ._plain import plain

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .plan import Plan

Path = Union[str, "os.PathLike[str]"]


class Model(Handle):
    """A model. It holds no weights: a Trainer loads them. Made by Model.open or Model.create."""

    _kind: ClassVar[str] = "model"

    def __init__(self) -> None:
        raise TypeError("use Model.open(folder) or Model.create(config, seed)")

    @classmethod
    def _of(cls, box: Any) -> "Model":
        model = cls.__new__(cls)
        model._box = box
        return model

    @classmethod
    def open(cls, folder: Path) -> "Model":
        """Opens a Hugging Face folder (config.json and safetensors).

        NotFoundError for missing files, UnimplementedError for an architecture that is not known, InvalidArgumentError or DataLossError
        for damaged files.
        """
        try:
            return cls._of(native.hlm_model_open(os.fspath(folder)))
        except NotFoundError as error:
            name = os.fspath(folder)
            if isinstance(name, str) and re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name, re.ASCII) and not os.path.exists(name):
                raise NotFoundError(
                    f"{error}, and nothing is downloaded: `hf download {name} --local-dir {os.path.basename(name)}` (pip install huggingface_hub) gets it"
                ) from None
            raise

    @classmethod
    def create(cls, config: Union[str, Mapping[str, Any]], seed: int = 0) -> "Model":
        """A model of a config (the text of a config.json, or the mapping), with weights drawn from `seed`."""
        if isinstance(config, os.PathLike) or (isinstance(config, str) and not config.lstrip().startswith("{")):
            raise InvalidArgumentError(
                f"the config is {os.fspath(config)!r}, neither a mapping nor the text of a config.json: read the file, or Model.open its folder"
            )
        text = config if isinstance(config, str) else json.dumps(config, default=plain)
        return cls._of(native.hlm_model_create(text, seed))

    @_options.documented("hlm_text_options")
    def with_text(self, **options: "Unpack[_options.TextOptions]") -> "Model":
        """The model with other words: what is saved of it, or of a Trainer of it, has the tokenizer, chat templates and stop ids given here.

        tokenizer: a folder or a file; chat_template: a folder or a file; stop_ids_json: a list, as dataset.describe()["turns"]["stop_ids"].
        """
        return self._of(native.hlm_model_with_text(self._box, _options.fill("hlm_text_options", options)))

    def describe(self) -> Dict[str, Any]:
        """What the model is: "architecture", "parameters", "vocab_size", "tensors" (each with "name", "shape", "unit") and more."""
        return dict(json.loads(native.hlm_model_describe(self._box)))

    def _about(self) -> str:
        about = self.describe()
        return f"{about['architecture']}, {counted(about['parameters'], 'parameter')}"

    @_options.documented("hlm_plan_options")
    def plan(self, **options: "Unpack[_options.PlanOptions]") -> "Plan":
        """A plan for this model; see Plan."""
        from .plan import Plan

        return Plan(self, **options)

    @_options.documented("hlm_save_options")
    def check_save(self, folder: Path, **options: "Unpack[_options.SaveOptions]") -> int:
        """The bytes that save, or Trainer.save_model, will take; raises before a training what they would raise after it. Writes nothing."""
        return int(native.hlm_model_check_save(self._box, os.fspath(folder), _options.fill("hlm_save_options", options)))

    @_options.documented("hlm_save_options")
    def save(self, folder: Path, **options: "Unpack[_options.SaveOptions]") -> None:
        """Writes the model with its original weights as a Hugging Face folder.

        dtype: "auto" (default), "source" (packed weights are packed again), "f32", "bf16", "f16"; overwrite: replace a folder that holds a saved model and nothing else; max_shard_bytes.
        AlreadyExistsError where the folder is not empty.
        """
        native.hlm_model_save(self._box, os.fspath(folder), _options.fill("hlm_save_options", options))
