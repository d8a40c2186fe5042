"""Turns SIGTERM and SIGINT into an event, so that every role stops in its own order."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

FORCED_EXIT_BASE = 128


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Within `stop_on_signals`, while nothing is open yet: SIGTERM or SIGINT ends the process now, with status 0.

    For the seconds in which a role loads its libraries: it would look at the event only after them.
    """

    def leave(_number: int, _frame: FrameType | None) -> None:
        os._exit(0)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that the first SIGTERM or SIGINT sets; a SIGINT after that ends the process at once, as a kill.

    A SIGTERM after that changes nothing: service managers send it to a whole group, and have SIGKILL. Only in the main
    thread. The handlers that stood before are put back.
    """
    stop = threading.Event()
    wake_read, wake_write = os.pipe()
    asked = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked and number == signal.SIGINT:
            os._exit(FORCED_EXIT_BASE + number)
        asked = True
        # Not stop.set(): the handler may run while this very thread holds the event's lock, which would never be freed.
        os.write(wake_write, b"s")

    def wait_for_signal() -> None:
        if os.read(wake_read, 1) == b"s":
            stop.set()

    waker = threading.Thread(target=wait_for_signal, name="signals", daemon=True)
    waker.start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.write(wake_write, b"e")
        waker.join()
        os.close(wake_read)
        os.close(wake_write)


@contextmanager
def noting_hangups() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether SIGHUP came since it was last asked. Only in the main thread.

    On a terminal SIGHUP keeps its meaning: the terminal is gone, so the process ends.
    """
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    def told() -> bool:
        nonlocal asked
        was, asked = asked, False
        return was

    if any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        yield told
        return
    before = signal.signal(signal.SIGHUP, handle)
    try:
        yield told
    finally:
        signal.signal(signal.SIGHUP, before)
