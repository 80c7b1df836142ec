"""Tokenizers: text to ids and back."""

import json
import os
from array import array
from typing import TYPE_CHECKING, Any, ClassVar, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from . import _options
from ._errors import OutOfRangeError
from ._handle import Handle, counted
from ._load import native
from .batch import Buffer, as_buffer
from .model import Path

if TYPE_CHECKING:
    from typing_extensions import Unpack

Spans = Sequence[Tuple[int, int]]


class Encoding(NamedTuple):
    """The ids of a text, int32, and where each comes from: (begin, end) in the text; (0, 0) for a special token that was added."""

    ids: "array[int]"
    offsets: List[Tuple[int, int]]


class Tokenizer(Handle):
    """Text to token ids and back, as a Hugging Face tokenizer.json says: Tokenizer(path).

    path: a folder with tokenizer.json, or the file. Any number of threads may use one at the same time. NotFoundError where there is none,
    InvalidArgumentError naming file and byte for damaged ones, UnimplementedError naming a component that is not known.
    """

    _kind: ClassVar[str] = "tokenizer"

    def __init__(self, path: Path) -> None:
        self._box = native.hlm_tokenizer_open(os.fspath(path))

    def describe(self) -> Dict[str, Any]:
        """What it is: "model", "vocab_size", "max_id", "special_tokens", "content_hash" and more."""
        return dict(json.loads(native.hlm_tokenizer_describe(self._box)))

    def __len__(self) -> int:
        """The ids that there are: those of the vocabulary."""
        return int(self.describe()["vocab_size"])

    def _about(self) -> str:
        about = self.describe()
        return f"{about['model']}, {counted(about['vocab_size'], 'token')}"

    @_options.documented("hlm_encode_options")
    def encode(self, text: Union[str, bytes], *, plain: Optional[Spans] = None, **options: "Unpack[_options.EncodeOptions]") -> "array[int]":
        """The ids of a text (a str, or UTF-8), int32.

        add_special_tokens: True (default): BOS and the like, as the file says; False: for text that a chat template made.
        plain: rising spans (begin, end) of bytes that are somebody's input: no special token is matched there; plain_added: no added token.
        InvalidArgumentError naming the byte for text that is not UTF-8.
        """
        return self._encode(text, plain, options, False)[0]

    @_options.documented("hlm_encode_options")
    def encode_with_offsets(self, text: Union[str, bytes], *, plain: Optional[Spans] = None, **options: "Unpack[_options.EncodeOptions]") -> Encoding:
        """The ids of a text and where each comes from. Options as in encode, and offsets_in: "characters" (default, as str counts), "bytes", "utf16";
        trim_offsets: True: spaces at the ends of a token do not belong to it where the file says so.
        """
        options.setdefault("offsets_in", "characters")
        ids, offsets = self._encode(text, plain, options, True)
        places = iter(offsets)
        return Encoding(ids, list(zip(places, places)))

    def _encode(self, text: Union[str, bytes], plain: Optional[Spans], options: Any, located: bool) -> Tuple["array[int]", "array[int]"]:
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text is a {type(text).__name__}; a str is wanted, or its UTF-8 as bytes")
        data = text.encode() if isinstance(text, str) else text
        struct = _options.fill("hlm_encode_options", options)
        spans = None if plain is None else array("q", [at for span in plain for at in span])
        room = len(data) + 16
        while True:
            ids = array("i", bytes(4 * room))
            offsets = array("q", bytes(16 * room if located else 0))
            try:
                count = native.hlm_tokenizer_encode(self._box, data, struct, spans, ids, offsets if located else None)
            except OutOfRangeError:  # a normalizer that makes texts longer
                room = native.hlm_tokenizer_encode(self._box, data, struct, spans, None, None)
                continue
            del ids[count:], offsets[2 * count :]
            return ids, offsets

    def decode(self, ids: Buffer, skip_special_tokens: bool = False) -> str:
        """The text of ids (an int32 buffer, or a sequence). Bytes that make no characters become U+FFFD."""
        return str(native.hlm_tokenizer_decode(self._box, as_buffer(ids, "i"), int(skip_special_tokens)))

    def token(self, id: int) -> str:
        """The token as the file spells it. NotFoundError for an id that stands for nothing."""
        return str(native.hlm_tokenizer_token(self._box, id))

    def id(self, token: str) -> int:
        """The id of a token, spelled so. NotFoundError where there is none."""
        return int(native.hlm_tokenizer_id(self._box, token))

    def decoder(self, skip_special_tokens: bool = False) -> "Decoder":
        """A decoder for ids as they are generated."""
        return Decoder(self, skip_special_tokens)


class Decoder(Handle):
    """Decodes ids as they are generated: Decoder(tokenizer). The texts of push and finish, one behind the other, are what decode makes of all ids."""

    _kind: ClassVar[str] = "decoder"

    def __init__(self, tokenizer: Tokenizer, skip_special_tokens: bool = False) -> None:
        if not isinstance(tokenizer, Tokenizer):
            raise TypeError(f"tokenizer is a {type(tokenizer).__name__}; a Tokenizer is wanted")
        self._box = native.hlm_decoder_create(tokenizer._box, int(skip_special_tokens))

    def push(self, ids: Union[int, Buffer]) -> str:
        """The text that these ids, or this one, complete: whole characters, often ""."""
        return str(native.hlm_decoder_push(self._box, array("i", [ids]) if isinstance(ids, int) else as_buffer(ids, "i")))

    def finish(self) -> str:
        """What is left; then the decoder is as new."""
        return str(native.hlm_decoder_finish(self._box))
