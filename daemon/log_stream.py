"""Writes log lines, and outlasts a stream that takes none: a full disk, a pipe whose reader is gone."""

import threading
from collections.abc import Callable
from typing import Any, TextIO

import structlog


class SteadyStream:
    """Where lines go. What cannot be written is counted, and told as soon as lines can be written again.

    A line that raised would end a role, or put a round of the learner's at fault, for its log file's disk is full.
    """

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        """`stream` is asked anew for each line: whoever replaces sys.stderr is followed."""
        self._stream = stream
        self._lock = threading.Lock()
        self._lost = 0
        self._reason = ""

    def write(self, line: str) -> None:
        """Write a line, and flush it. Never raises OSError."""
        with self._lock:
            try:
                print(line, file=self._stream(), flush=True)
            except OSError as error:
                self._lost, self._reason = self._lost + 1, str(error)
                return
            lost, self._lost = self._lost, 0
        if lost:
            structlog.get_logger().warning(
                "log lines could not be written, and are lost", lines=lost, reason=self._reason
            )


class SteadyLogger:
    """A logger for structlog on a SteadyStream."""

    def __init__(self, stream: SteadyStream) -> None:
        self._stream = stream

    def msg(self, message: str, *_args: Any, **_facts: Any) -> None:
        """Write one rendered line."""
        self._stream.write(message)

    log = debug = info = warn = warning = error = critical = fatal = failure = exception = msg
