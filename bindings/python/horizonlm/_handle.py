"""What Model, Plan, Trainer and Optimizer have in common."""

from typing import Any, ClassVar, Optional, Type, TypeVar

from ._load import native

Self = TypeVar("Self", bound="Handle")


class Handle:
    """Owns a native object: a context manager that closes it. Closing twice is legal; using it afterwards is FailedPreconditionError."""

    _kind: ClassVar[str]
    _box: Any  # a capsule, which frees what is left when it is collected

    def close(self) -> None:
        """Frees the native object. FailedPreconditionError while another thread is in a call of it."""
        box = getattr(self, "_box", None)  # not there where the constructor failed
        if box is not None:
            getattr(native, f"hlm_{self._kind}_close")(box)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return bool(getattr(native, f"hlm_{self._kind}_closed")(self._box))

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Any) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {self._kind} holds native memory and cannot be pickled or copied")
