"""Chat templates."""

import json
import os
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Mapping, Sequence, Union

from . import _options
from ._handle import Handle
from ._load import native
from .model import Path
from .tokenizer import Tokenizer

if TYPE_CHECKING:
    from typing_extensions import Unpack

Messages = Union[str, Sequence[Mapping[str, Any]]]


class Template(Handle):
    """The chat templates of a model (Jinja, as Hugging Face renders them). Made by Template.open or Template.create.

    Any number of threads may render from one at the same time.
    """

    _kind: ClassVar[str] = "template"

    def __init__(self) -> None:
        raise TypeError("use Template.open(path) or Template.create(text)")

    @classmethod
    def _of(cls, box: Any) -> "Template":
        template = cls.__new__(cls)
        template._box = box
        return template

    @classmethod
    def open(cls, path: Path) -> "Template":
        """The templates of a model's folder, a tokenizer_config.json, or a file that holds a template.

        NotFoundError where there is none, InvalidArgumentError naming the line for what is no template, UnimplementedError naming what this
        library lacks.
        """
        return cls._of(native.hlm_template_open(os.fspath(path)))

    @classmethod
    def create(cls, text: str) -> "Template":
        """A template from its text."""
        return cls._of(native.hlm_template_create(text))

    def with_tokenizer(self, tokenizer: Tokenizer) -> "Template":
        """The same templates with the tokens of a tokenizer, as a folder with both has them; a Dataset does it with what it is given.

        For one of a file or a text: its bos_token and the like are the tokenizer's, and trained turns end where generation does.
        """
        if not isinstance(tokenizer, Tokenizer):
            raise TypeError(f"tokenizer is a {type(tokenizer).__name__}; a Tokenizer is wanted")
        return self._of(native.hlm_template_with_tokenizer(self._box, tokenizer._box))

    def describe(self) -> Dict[str, Any]:
        """What there is: "names", "generation", "special_tokens", "added_tokens", "stop_tokens"."""
        return dict(json.loads(native.hlm_template_describe(self._box)))

    @_options.documented("hlm_template_options")
    def render(self, messages: Messages, **options: "Unpack[_options.TemplateOptions]") -> str:
        """The text of a conversation: a sequence of {"role", "content", ...}, or its JSON.

        name: of the template; tools_json, documents_json, variables_json: objects or their JSON; date: "YYYY-MM-DD"; add_generation_prompt;
        parse_arguments, drop_null_arguments: of tool calls.
        InvalidArgumentError for what the template raises, ResourceExhaustedError where a limit (max_output_bytes, max_iterations, max_depth)
        is reached. The text holds its special tokens: encode it with add_special_tokens=False.
        """
        return str(native.hlm_template_render(self._box, _text(messages), _options.fill("hlm_template_options", options)))

    @_options.documented("hlm_template_options")
    def render_training(self, messages: Messages, **options: "Unpack[_options.TemplateOptions]") -> Dict[str, Any]:
        """A conversation for training: {"method", "sequences": [{"text", "trained": [[begin, end], ...], "messages", "input", "without_stop"}]}.

        A sequence also has "dropped" and "unroll_keeps" where its template leaves out what a trained message says, and the last one
        "left_out" where it leaves out what else the conversation says.

        Ranges are in bytes of the text. train_on: "assistant" (default), "last", "completion", "all"; mask: "auto" (default), "tags", "spans",
        "unroll"; prompt_messages. InvalidArgumentError where what is trained cannot be proved.
        """
        return dict(json.loads(native.hlm_template_render_training(self._box, _text(messages), _options.fill("hlm_template_options", options))))


def _text(messages: Messages) -> str:
    return messages if isinstance(messages, str) else json.dumps(messages)
