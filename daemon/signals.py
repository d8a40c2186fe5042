"""Turns SIGTERM and SIGINT into an event, so that every role stops in its own order."""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from daemon.stopping import Stopping

FORCED_EXIT_BASE = 128
INGEST_STOP_S = 20.0
SERVE_STOP_S = 20.0
LEARN_STOP_S = 60.0
"""A stage that nothing interrupts may end first."""
SUPERVISE_STOP_S = 60.0
"""More than `run.stop_timeout_s` may be."""

SAY_MAX_S = 1.0
"""What is said of a stop may take so long, should the terminal or the pipe take nothing."""

_ENDED = b"e"
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_loading = threading.Event()
"""Set within `ending_at_once`."""
_log = structlog.get_logger()


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Within `stop_on_signals`, while nothing is open yet: SIGTERM or SIGINT ends the process now, with status 0.

    For the seconds in which a role loads its libraries: it would look at the event only after them.
    """
    _loading.set()
    try:
        yield
    finally:
        _loading.clear()


@contextmanager
def stop_on_signals(force_after_s: float | None = None, stopping: Stopping | None = None) -> Iterator[threading.Event]:
    """Yield an event that the first SIGTERM or SIGINT sets; a SIGINT after that ends the process at once, as a kill.

    A SIGTERM after that changes nothing: service managers send it to a whole group, and have SIGKILL. Only in the main
    thread. The handlers that stood before are put back. Where the block has not ended `force_after_s` after the first
    signal the process is ended with status 143, whatever it is at: nothing is lost, for it may be killed anywhere.
    `stopping` says at once what still happens, from a thread of its own: also while the main thread is in a long call.
    """
    stop = threading.Event()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    asked = 0

    def handle(number: int, _frame: FrameType | None) -> None:
        # The second ends the process by the thread that says so; a third does not even wait for that.
        nonlocal asked
        if asked > 1 and number == signal.SIGINT:
            os._exit(FORCED_EXIT_BASE + number)
        asked += asked == 0 or number == signal.SIGINT

    # Not stop.set() in the handler: it may run while this very thread holds the event's lock, which would never be
    # freed. The interpreter writes to the pipe also where this thread is in a call that never comes back to Python.
    waker = threading.Thread(
        target=_wake, args=(wake_read, stop, force_after_s, stopping or Stopping.silent()), name="signals", daemon=True
    )
    waker.start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    woken_before = signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken_before)
        os.write(wake_write, _ENDED)
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


def _wake(wake_read: int, stop: threading.Event, force_after_s: float | None, stopping: Stopping) -> None:
    """Set the event at the first signal; end the process at a SIGINT after it, and where the block does not end."""
    while True:
        byte = os.read(wake_read, 1)
        if byte == _ENDED:
            return
        if byte[0] in _STOPPING:
            break
    if _loading.is_set():
        _within(stopping.at_once)
        os._exit(0)
    _within(lambda: stopping.first(byte[0]))
    stop.set()
    deadline = None if force_after_s is None else time.monotonic() + force_after_s
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([wake_read], [], [], left)[0]:
            _within(lambda: _tell_end_by_force(force_after_s))
            os._exit(FORCED_EXIT_BASE + signal.SIGTERM)
        byte = os.read(wake_read, 1)
        if byte == _ENDED:
            return
        if byte[0] == signal.SIGINT:
            _within(stopping.again)
            os._exit(FORCED_EXIT_BASE + signal.SIGINT)


def _within(say: Callable[[], None]) -> None:
    """Say something, and wait a moment for it to be written: not for ever, for nobody may read our standard error."""
    speaker = threading.Thread(target=say, name="stopping", daemon=True)
    speaker.start()
    speaker.join(SAY_MAX_S)


def _tell_end_by_force(force_after_s: float | None) -> None:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    at = "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
    _log.critical("did not stop in time and is ended: nothing is lost by that", seconds=force_after_s, at=at)
    sys.stderr.flush()
