"""The library's errors as exceptions."""

from typing import ClassVar, Dict, Type


class Error(Exception):
    """An error of the library.

    code: the number of the C API (HLM_...); name: its name, as "INVALID_ARGUMENT"; message: one line that names the value and the limit.
    """

    code: int = 13
    name: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class CancelledError(Error):
    """The call was cancelled by Trainer.cancel."""

    code = 1
    name = "CANCELLED"


class InvalidArgumentError(Error, ValueError):
    """An argument, or what a file says, is not legal."""

    code = 3
    name = "INVALID_ARGUMENT"


class DeadlineExceededError(Error, TimeoutError):
    """The call ran for longer than Trainer.set_deadline allows."""

    code = 4
    name = "DEADLINE_EXCEEDED"


class NotFoundError(Error, LookupError, FileNotFoundError):
    """A file, a tensor, a key or a device is not there: a FileNotFoundError and a LookupError."""

    code = 5
    name = "NOT_FOUND"


class AlreadyExistsError(Error, FileExistsError):
    """The folder to be written exists and is not empty."""

    code = 6
    name = "ALREADY_EXISTS"


class ResourceExhaustedError(Error, MemoryError):
    """The memory does not suffice; the message says what to change."""

    code = 8
    name = "RESOURCE_EXHAUSTED"


class FailedPreconditionError(Error):
    """The call is not legal now: a closed handle, two threads in one handle, a tensor that is not there."""

    code = 9
    name = "FAILED_PRECONDITION"


class OutOfRangeError(Error, IndexError):
    """A place is past the end."""

    code = 11
    name = "OUT_OF_RANGE"


class UnimplementedError(Error, NotImplementedError):
    """The library does not do this (yet); the message names it."""

    code = 12
    name = "UNIMPLEMENTED"


class InternalError(Error):
    """A fault of the library's own."""

    code = 13
    name = "INTERNAL"


class UnavailableError(Error):
    """A device or a library cannot be used here."""

    code = 14
    name = "UNAVAILABLE"


class DataLossError(Error):
    """A file is damaged."""

    code = 15
    name = "DATA_LOSS"


_BY_CODE: Dict[int, Type[Error]] = {kind.code: kind for kind in Error.__subclasses__()}


def make(code: int, message: str) -> Error:
    """The exception for an error of the library. Called by the native module."""
    kind = _BY_CODE.get(code)
    if kind is not None:
        return kind(message)
    error = Error(message)  # a code that this version does not know
    error.code = code
    return error
