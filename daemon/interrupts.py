"""Ctrl-C in a command that is no role: it says at once that it stops, and the second one ends it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

TOLD = "tidemill: stopping: what is open is closed, nothing more is begun; Ctrl-C again ends it at once\n"


def interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    """Handle SIGINT or SIGTERM: say so, and raise KeyboardInterrupt where the command is."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with suppress(OSError):
        os.write(2, TOLD.encode())  # not through sys.stderr: this may interrupt a write to it
    raise KeyboardInterrupt


@contextmanager
def interrupts_told() -> Iterator[None]:
    """Within, Ctrl-C is answered at once. Where SIGINT is ignored or handled otherwise, nothing changes."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
