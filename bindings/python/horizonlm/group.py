"""Groups: the processes of a run on several machines."""

import json
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, List, Sequence, Union

from . import _options
from ._errors import Error, InvalidArgumentError, UnavailableError
from ._handle import Handle
from ._load import native

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _joined(everything: Any, n: int, size: int) -> bytes:
    """What an all-gather gave, as one; InvalidArgumentError where it is not `n` bytes of each of `size` ranks."""
    try:
        whole = memoryview(everything).tobytes()
    except TypeError:
        ranks = [memoryview(one).tobytes() for one in everything]
        for rank, one in enumerate(ranks):
            if len(one) != n:
                raise InvalidArgumentError(f"all_gather gave {len(one)} bytes of rank {rank}; every rank has {n}") from None
        whole = b"".join(ranks)
    if len(whole) != size * n:
        raise InvalidArgumentError(f"all_gather gave {len(whole)} bytes; {size} ranks of {n} bytes have {size * n}")
    return whole


@_options.documented("hlm_group_options")
class Group(Handle):
    """The processes of one run, one a machine: Group.from_environment() under a launcher, Group.connect("host:port", rank, size), or
    Group.from_callback(rank, size, all_gather) within an engine.

    A Trainer made with `group=` shares every step with those of the other processes; its plan is made with processes=group.size. A process
    that is lost makes every call of the others UnavailableError, which names its rank.
    """

    _kind: ClassVar[str] = "group"

    def __init__(self) -> None:
        raise TypeError("a Group is made by Group.from_environment(), Group.connect() or Group.from_callback()")

    @classmethod
    def _of(cls, box: Any) -> "Group":
        group = cls.__new__(cls)
        group._box = box
        return group

    @classmethod
    def from_environment(cls, **options: "Unpack[_options.GroupOptions]") -> "Group":
        """The group that torchrun, Open MPI, Slurm or PMI describe in this process's environment; of one where none of them does."""
        return cls._of(native.hlm_group_from_environment(_options.fill("hlm_group_options", options)))

    @staticmethod
    def describe_environment() -> Dict[str, Any]:
        """What the launcher says of this process: "rank", "size", "local_size", "launcher"; 0, 1, 1 and "" without one. Waits for nobody."""
        return dict(json.loads(native.hlm_group_describe_environment()))

    @classmethod
    def connect(cls, address: str, rank: int, size: int, **options: "Unpack[_options.GroupOptions]") -> "Group":
        """The group of `size` processes whose rank 0 listens at `address`, "host:port". Waits until all have come."""
        return cls._of(native.hlm_group_connect(address, rank, size, _options.fill("hlm_group_options", options)))

    @classmethod
    def from_callback(
        cls,
        rank: int,
        size: int,
        all_gather: Callable[[bytes], Union[bytes, Sequence[bytes]]],
        **options: "Unpack[_options.GroupOptions]",
    ) -> "Group":
        """The group of `size` processes that an engine runs already: `all_gather` takes this process's bytes and gives everybody's, in the order of
        ranks, as a list or joined. mpi4py's `comm.allgather` is one.

        Every process calls it once, on this thread, before this returns (alone, not at all). An exception of its is the cause of UnavailableError.
        """
        if not callable(all_gather):
            raise TypeError(f"all_gather must be a function of bytes; it is {type(all_gather).__name__}")
        failed: List[BaseException] = []

        def gather(own: bytes) -> bytes:
            try:
                try:
                    everything = all_gather(own)
                except Exception as error:
                    raise UnavailableError(f"all_gather failed: {type(error).__name__}: {error}") from error
                return _joined(everything, len(own), size)
            except BaseException as error:
                failed.append(error)
                raise

        try:
            return cls._of(native.hlm_group_from_callback(rank, size, gather, _options.fill("hlm_group_options", options)))
        except Error:
            if not failed:
                raise
        raise failed[0]

    def describe(self) -> Dict[str, Any]:
        """"rank", "size", "local_size" (processes on this machine), "launcher"."""
        return dict(json.loads(native.hlm_group_describe(self._box)))

    @property
    def rank(self) -> int:
        """This process's number, from 0."""
        return int(self.describe()["rank"])

    @property
    def size(self) -> int:
        """How many processes there are."""
        return int(self.describe()["size"])

    def all_gather(self, own: bytes) -> List[bytes]:
        """Everybody's bytes, in the order of ranks; every process gives as many."""
        everything = bytearray(len(own) * self.size)
        native.hlm_group_all_gather(self._box, own, everything)
        return [bytes(everything[r * len(own) : (r + 1) * len(own)]) for r in range(self.size)]

    def barrier(self) -> None:
        """Waits until every process has called it."""
        native.hlm_group_barrier(self._box)

    def _about(self) -> str:
        about = self.describe()
        return f"rank {about['rank']} of {about['size']}"
