"""Ctrl-C ends a long call: a signal's handler runs only when the call has returned, so somebody else must ask it to end."""

import os
import signal
import socket
import threading
from typing import Any, Callable, Optional


class _Watch:
    """A thread that is told of signals at once, by the interpreter's own C code, and cancels the call in progress."""

    def __init__(self) -> None:
        self.cancel: Optional[Callable[[], None]] = None
        self._reader, self.writer = socket.socketpair()
        self.writer.setblocking(False)
        threading.Thread(target=self._run, name="horizonlm-interrupt", daemon=True).start()

    def _run(self) -> None:
        while True:
            signals = self._reader.recv(64)
            cancel = self.cancel
            if signal.SIGINT in signals and cancel is not None:
                cancel()


_watch: Optional[_Watch] = None


def _forget() -> None:
    global _watch
    _watch = None  # its thread is not in a forked child


os.register_at_fork(after_in_child=_forget)


def run(cancel: Callable[[], None], function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments), which cancel() ends where Ctrl-C is pressed meanwhile: KeyboardInterrupt follows.

    Only for Python's own handler, in the main thread: a program that handles SIGINT itself knows when it wants to end, and calls Trainer.cancel.
    """
    global _watch
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return function(*arguments)
    if _watch is None:
        _watch = _Watch()
    before = signal.set_wakeup_fd(_watch.writer.fileno(), warn_on_full_buffer=False)
    if before != -1:  # an event loop's
        signal.set_wakeup_fd(before)
        return function(*arguments)
    _watch.cancel = cancel
    try:
        return function(*arguments)
    finally:
        _watch.cancel = None
        signal.set_wakeup_fd(-1)
