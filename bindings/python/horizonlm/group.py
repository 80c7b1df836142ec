"""Groups: the processes of a run on several machines."""

import json
from typing import TYPE_CHECKING, Any, ClassVar, Dict, List

from . import _options
from ._handle import Handle
from ._load import native

if TYPE_CHECKING:
    from typing_extensions import Unpack


@_options.documented("hlm_group_options")
class Group(Handle):
    """The processes of one run, one a machine: Group.from_environment() under a launcher, or Group.connect("host:port", rank, size).

    A Trainer made with `group=` shares every step with those of the other processes; its plan is made with processes=group.size. A process
    that is lost makes every call of the others UnavailableError, which names its rank.
    """

    _kind: ClassVar[str] = "group"

    def __init__(self) -> None:
        raise TypeError("a Group is made by Group.from_environment() or Group.connect()")

    @classmethod
    def _of(cls, box: Any) -> "Group":
        group = cls.__new__(cls)
        group._box = box
        return group

    @classmethod
    def from_environment(cls, **options: "Unpack[_options.GroupOptions]") -> "Group":
        """The group that torchrun, Open MPI, Slurm or PMI describe in this process's environment; of one where none of them does."""
        return cls._of(native.hlm_group_from_environment(_options.fill("hlm_group_options", options)))

    @classmethod
    def connect(cls, address: str, rank: int, size: int, **options: "Unpack[_options.GroupOptions]") -> "Group":
        """The group of `size` processes whose rank 0 listens at `address`, "host:port". Waits until all have come."""
        return cls._of(native.hlm_group_connect(address, rank, size, _options.fill("hlm_group_options", options)))

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
