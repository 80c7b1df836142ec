"""Batches: documents of any lengths, one behind the other."""

import difflib
import importlib
import operator
import sys
from array import array
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from ._handle import counted

# What a buffer may be: anything with the buffer protocol is passed as it is; a sequence of numbers is copied, and so are numbers of another
# type, what does not lie in C order without gaps, and what is made an array of by NumPy, as a tensor of PyTorch on the CPU.
Buffer = Any

# Letters of the struct module that are copied into the type wanted. Bytes are no ids that anybody meant, and uint16 stands for the bits of bf16
# where floats are wanted.
_COPIED = {"i": "hHlLqQI", "q": "hHiIlLQ", "f": "ed?bBhiIlLqQ"}


def as_buffer(value: Any, typecode: str) -> Any:
    """`value` itself where it has a buffer of the type wanted; else an array of its numbers. OverflowError for one that is too large."""
    if value is None:
        return None
    if isinstance(value, (list, tuple, range)):
        return _array(typecode, value)
    value, view = _view(value)
    if view is None:
        return value  # the library's to refuse, by name
    wanted, letter = array(typecode), view.format.lstrip("@=<")
    same = letter == typecode or (letter in "ilq" and typecode in "iq" and view.itemsize == wanted.itemsize)
    if (same and view.c_contiguous) or not (same or letter in _COPIED.get(typecode, "")):
        return value
    copy = _array(typecode, _numbers(view, typecode, wanted.itemsize))
    shape = view.shape or ()
    return memoryview(copy).cast("B").cast(typecode, shape) if len(shape) > 1 and len(copy) > 0 else copy


def _array(typecode: str, numbers: Any) -> "array[Any]":
    """An array of them. OverflowError naming the first that the type does not hold."""
    try:
        return array(typecode, numbers)
    except OverflowError:
        bound = 1 << (8 * array(typecode).itemsize - 1)
        for place, number in enumerate(numbers):
            if typecode in "iq" and not -bound <= operator.index(number) < bound:
                raise OverflowError(f"number {place} is {number}; it must lie in [{-bound}, {bound})") from None
        raise


def _view(value: Any) -> Tuple[Any, Optional[memoryview]]:
    """What has a buffer, the value itself or the array that NumPy makes of it, and its view; None where neither has one."""
    try:
        return value, memoryview(value)
    except (TypeError, ValueError):  # ValueError: a type that the struct module has no letter for
        pass
    if not hasattr(value, "__array__"):
        return value, None
    try:
        made = importlib.import_module("numpy").asarray(value)
        return made, memoryview(made)
    except ImportError:
        return value, None
    except (TypeError, ValueError) as error:
        raise TypeError(f"a {type(value).__name__} cannot be passed: {error}") from None


def _numbers(view: memoryview, typecode: str, itemsize: int) -> Any:
    """The numbers of a view of one or more dimensions, one behind the other."""
    numpy = sys.modules.get("numpy")  # where the caller has it, it is faster
    if numpy is not None and view.nbytes > 0:
        values = numpy.asarray(view)
        if typecode == "f":
            with numpy.errstate(over="ignore"):  # the library's to refuse, by its place
                return values.astype(f"f{itemsize}").tobytes()
        bound = 1 << (8 * itemsize - 1)
        if int(values.min()) >= -bound and int(values.max()) < bound:
            return values.astype(f"i{itemsize}").tobytes()
    flat: List[Any] = view.tolist()
    for _ in range(view.ndim - 1):
        flat = [number for part in flat for number in part]
    return flat


class Batch:
    """Documents to train on or to evaluate; no padding is ever needed. The buffers are referred to, not copied. len() counts the documents, and
    iterating gives the ids of each.

    ids:      [n] int32 token ids; or [rows, n], each row a document; or a list of documents, as of() takes them. int64, uint16 and the like
              are copied
    offsets:  [documents + 1] int64: document d is ids[offsets[d]:offsets[d + 1]]; None: one document, or one a row
    labels:   [n] int32; None: the ids themselves. labels[t] is predicted from the tokens before t; -100 is not predicted
    weights:  [n] float32 factors of the tokens' losses; None: 1
    denominator: what the sum of losses is divided by; 0: the sum of the weights of the predicted tokens
    entropy_weights: [n] float32: adds entropy_weights[t] times the entropy of the prediction of token t; None: 0
    temperature: what logits are divided by before softmax; 0: 1
    """

    __slots__ = ("ids", "offsets", "labels", "weights", "denominator", "entropy_weights", "temperature")

    def __init__(
        self,
        ids: Buffer,
        offsets: Optional[Buffer] = None,
        labels: Optional[Buffer] = None,
        weights: Optional[Buffer] = None,
        denominator: float = 0.0,
        entropy_weights: Optional[Buffer] = None,
        temperature: float = 0.0,
    ) -> None:
        if offsets is None and _is_nested(ids):
            ids, offsets = _documents(ids)
        self.ids = as_buffer(ids, "i")
        self.labels = as_buffer(_flat("i", labels), "i")
        self.weights = as_buffer(_flat("f", weights), "f")
        self.denominator = denominator
        self.entropy_weights = as_buffer(_flat("f", entropy_weights), "f")
        self.temperature = temperature
        if offsets is None:
            try:
                shape: Tuple[int, ...] = memoryview(self.ids).shape or (0,)
            except TypeError:
                raise TypeError("ids must be a buffer of int32 (NumPy array, array.array, memoryview) or a sequence of whole numbers") from None
            if len(shape) > 2:
                raise ValueError(f"ids have {len(shape)} dimensions, {shape}; one is a document or several by offsets, two are rows, each a document")
            rows, length = shape if len(shape) == 2 else (1, shape[0])
            offsets = array("q", [row * length for row in range(rows + 1)])
        self.offsets = as_buffer(offsets, "q")

    @classmethod
    def of(
        cls,
        documents: Iterable[Sequence[int]],
        labels: Optional[Iterable[Sequence[int]]] = None,
        weights: Optional[Iterable[Sequence[float]]] = None,
        denominator: float = 0.0,
    ) -> "Batch":
        """A batch of whole documents, each a sequence of ids (bytes are ids too), copied one behind the other."""
        ids, offsets = _documents(documents)
        flat_labels = None if labels is None else _chain("i", labels)
        flat_weights = None if weights is None else _chain("f", weights)
        return cls(ids, offsets, flat_labels, flat_weights, denominator)

    def __reduce__(self) -> Any:
        """Pickled, as from the workers of a loader: copies of the buffers."""
        ids, offsets, labels, weights, denominator, entropy_weights, temperature = self._arguments()
        labels, weights, entropy_weights = _owned("i", labels), _owned("f", weights), _owned("f", entropy_weights)
        return Batch, (_owned("i", ids), _owned("q", offsets), labels, weights, denominator, entropy_weights, temperature)

    def __len__(self) -> int:
        return self.n_documents

    def __iter__(self) -> Iterator[memoryview]:
        ids = memoryview(self.ids).cast("B").cast("i")
        ends = memoryview(self.offsets).tolist()
        for begin, end in zip(ends, ends[1:]):
            yield ids[begin:end]

    def __repr__(self) -> str:
        return f"<Batch of {counted(self.n_documents, 'document')}, {counted(self.n_ids, 'id')}>"

    def _arguments(self) -> List[Any]:
        return [self.ids, self.offsets, self.labels, self.weights, self.denominator, self.entropy_weights, self.temperature]

    @property
    def n_ids(self) -> int:
        """How many ids there are, in all documents."""
        return memoryview(self.ids).nbytes // 4

    @property
    def n_documents(self) -> int:
        """How many documents there are."""
        return memoryview(self.offsets).nbytes // 8 - 1


class Documents(NamedTuple):
    """A step of a data set. Its arrays are its own: they stay as they are.

    batch: ids, offsets and labels, to step on
    numbers: [documents] int64, the number of each document: its place in a column
    desirable: [documents] int32, 0 where a label calls a document undesirable, or it is a pair's second; else 1
    rows: [rows + 1] int64: row r has the documents from rows[r] up to rows[r + 1]
    trained: labels that are not -100
    epoch: from 0
    """

    batch: Batch
    numbers: "array[int]"
    desirable: "array[int]"
    rows: "array[int]"
    trained: int
    epoch: int


def _owned(typecode: str, value: Any) -> Any:
    """A view's numbers as an array; anything else itself."""
    return array(typecode, value.tobytes()) if isinstance(value, memoryview) else value


def _is_nested(value: Any) -> bool:
    """Whether it is a list of sequences: an entry for each document."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and hasattr(value[0], "__len__") and getattr(value[0], "ndim", 1) > 0


def _flat(typecode: str, value: Any) -> Any:
    return _chain(typecode, value) if _is_nested(value) else value


def _documents(documents: Iterable[Sequence[int]]) -> "Tuple[array[int], array[int]]":
    """Ids of documents, one behind the other, and the offsets."""
    ids, offsets = array("i"), array("q", [0])
    for number, document in enumerate(documents):
        if not hasattr(document, "__iter__") and not hasattr(document, "__len__"):
            raise TypeError(f"document {number} is a {type(document).__name__}; a sequence of ids is wanted")
        _extend(ids, document)
        offsets.append(len(ids))
    return ids, offsets


def _chain(typecode: str, parts: Iterable[Sequence[Union[int, float]]]) -> "array[Any]":
    out: "array[Any]" = array(typecode)
    for part in parts:
        _extend(out, part)
    return out


def _extend(out: "array[Any]", part: Any) -> None:
    values = part if isinstance(part, (bytes, bytearray)) else as_buffer(part, out.typecode)
    out.extend(values)


def to_batch(given: Any, options: Any) -> Batch:
    """A batch from what a trainer's method was given: a Batch, a step of a data set, or the parts of a Batch."""
    if isinstance(given, Documents):
        given = given.batch
    if isinstance(given, Batch):
        if options:
            raise TypeError(f"{', '.join(sorted(options))} given beside a Batch, which has its own")
        return given
    parts = Batch.__slots__[1:]
    for name in options:
        if name not in parts:
            nearest = difflib.get_close_matches(name, parts, 1)
            meant = f" (did you mean {nearest[0]}?)" if nearest else ""
            raise TypeError(f"a batch has no {name!r}{meant}; it has {', '.join(parts)}")
    return Batch(given, **options)
