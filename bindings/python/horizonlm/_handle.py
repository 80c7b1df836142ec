"""What Model, Plan, Trainer and Optimizer have in common."""

import ctypes
import os
import weakref
from typing import Any, ClassVar, Optional, Type, TypeVar

from ._errors import FailedPreconditionError
from ._load import native

Self = TypeVar("Self", bound="Handle")


def counted(n: int, one: str) -> str:
    """"1 document", "2,000 documents"."""
    return f"{n:,} {one}" + ("" if n == 1 else "s")


class Handle:
    """Owns a native object: a context manager that closes it. Closing twice is legal; using it afterwards is FailedPreconditionError."""

    _kind: ClassVar[str]
    _capsule: Any
    _process: int

    @property
    def _box(self) -> Any:
        """The capsule that owns the native object and frees what is left of it when it is collected."""
        if self._process != os.getpid():
            raise FailedPreconditionError(
                f"this {self._kind} was made in process {self._process} and has no threads in its forked child {os.getpid()}: make it in the child"
            )
        return self._capsule

    @_box.setter
    def _box(self, capsule: Any) -> None:
        self._capsule, self._process = capsule, os.getpid()
        _living.add(self)

    def close(self) -> None:
        """Frees the native object. FailedPreconditionError while another thread is in a call of it."""
        # No capsule where the constructor failed; a forked child has none of the threads that closing would wait for.
        if hasattr(self, "_capsule") and self._process == os.getpid():
            getattr(native, f"hlm_{self._kind}_close")(self._capsule)

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

    def _about(self) -> str:
        """What __repr__ says of one that is open."""
        return ""

    def __repr__(self) -> str:
        name = type(self).__name__
        if not hasattr(self, "_capsule"):
            return f"<{name}, not made>"
        if self._process != os.getpid():
            return f"<{name} of process {self._process}>"
        if self.closed:
            return f"<{name}, closed>"
        about = self._about()
        return f"<{name}: {about}>" if about else f"<{name}>"


_living: "weakref.WeakSet[Handle]" = weakref.WeakSet()


def _keep_for_ever() -> None:
    """In a forked child: what the parent made is never freed there, since freeing waits for threads that are not there."""
    for handle in list(_living):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle._capsule))


os.register_at_fork(after_in_child=_keep_for_ever)
