"""Batches: documents of any lengths, one behind the other."""

import sys
from array import array
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

# What a buffer may be: anything with the buffer protocol is passed as it is, a sequence of numbers is copied, and so are whole numbers of
# another width, as tokenizers and NumPy make them.
Buffer = Any

_WHOLE = {"i": "hHlLqQI", "q": "hHiIlLQ"}  # of other widths, in native order; bytes are no numbers that anybody meant


def as_buffer(value: Any, typecode: str) -> Any:
    """`value` itself where it has a buffer of the type wanted; else an array of its numbers. OverflowError for one that is too large."""
    if value is None:
        return None
    if isinstance(value, (list, tuple, range)):
        return array(typecode, value)
    try:
        view = memoryview(value)
    except TypeError:
        return value  # the library's to refuse, by name
    wanted = array(typecode)
    if view.format in _WHOLE.get(typecode, "") and not (view.format in "lq" and typecode == "q" and view.itemsize == 8):
        copy = array(typecode, _numbers(view, wanted.itemsize))
        shape = view.shape or ()
        return memoryview(copy).cast("B").cast(typecode, shape) if len(shape) > 1 else copy
    return value


def _numbers(view: memoryview, itemsize: int) -> Any:
    """The numbers of a view of one or more dimensions, one behind the other."""
    numpy = sys.modules.get("numpy")  # where the caller has it, it is faster
    if numpy is not None and view.nbytes > 0:
        values = numpy.asarray(view)
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

    ids:      [n] int32 token ids; or [rows, n], each row a document. int64, uint16 and the like are copied
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
        self.ids = as_buffer(ids, "i")
        self.labels = as_buffer(labels, "i")
        self.weights = as_buffer(weights, "f")
        self.denominator = denominator
        self.entropy_weights = as_buffer(entropy_weights, "f")
        self.temperature = temperature
        if offsets is None:
            try:
                shape: Tuple[int, ...] = memoryview(self.ids).shape or (0,)
            except TypeError:
                raise TypeError("ids must be a buffer of int32 (NumPy array, array.array, memoryview) or a sequence of whole numbers") from None
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
        ids = array("i")
        offsets = array("q", [0])
        for document in documents:
            ids.extend(document)
            offsets.append(len(ids))
        flat_labels = None if labels is None else _chain("i", labels)
        flat_weights = None if weights is None else _chain("f", weights)
        return cls(ids, offsets, flat_labels, flat_weights, denominator)

    def __len__(self) -> int:
        return self.n_documents

    def __iter__(self) -> Iterator[memoryview]:
        ids = memoryview(self.ids).cast("B").cast("i")
        ends = memoryview(self.offsets).tolist()
        for begin, end in zip(ends, ends[1:]):
            yield ids[begin:end]

    def __repr__(self) -> str:
        return f"<Batch of {self.n_documents:,} documents, {self.n_ids:,} ids>"

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


def _chain(typecode: str, parts: Iterable[Sequence[Union[int, float]]]) -> "array[Any]":
    out: "array[Any]" = array(typecode)
    for part in parts:
        out.extend(part)
    return out


def to_batch(given: Any, options: Any) -> Batch:
    """A batch from what a trainer's method was given: a Batch, a step of a data set, or the parts of a Batch."""
    if isinstance(given, Documents):
        given = given.batch
    if isinstance(given, Batch):
        if options:
            raise TypeError(f"{', '.join(sorted(options))} given beside a Batch, which has its own")
        return given
    return Batch(given, **options)
