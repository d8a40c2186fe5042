"""Logging: structlog to standard error, a line for people on a terminal, else JSON with UTC timestamps and the role.

What libraries log through the standard library, and Python's own warnings, pass through here too, and never as a
storm: what repeats is written once a minute, with its count. Secrets are masked wherever they turn up. What nobody
caught is told by `daemon/log_hooks.py`.
"""

import logging
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from daemon.log_format import adding, bound, mask, renderer, trace_errors, traceback_of
from daemon.log_stream import SteadyLogger, SteadyStream
from daemon.masking import hide

__all__ = ["Damper", "answer", "configure", "traceback_of"]

TOLD_BY_US = ("kafka.net", "kafka.cluster", "kafka.coordinator")
"""Lines of a client about its connections: an outage is told by whoever waits for it, once and with the cure."""
ACCESS = "uvicorn.access"
"""Each request of `serve`, which it logs at log.level=debug."""
WARNINGS = "py.warnings"
REPEAT_S = 60.0
"""Seconds within which a library's line that repeats is only counted."""
KINDS_MAX = 256
"""Different lines that are remembered."""
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)
_EVERYTHING = structlog.make_filtering_bound_logger(logging.NOTSET)


def configure(
    level: str,
    form: str,
    role: str,
    *,
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
    libraries: int = logging.WARNING,
) -> None:
    """Set up logging for the whole process.

    `form`: auto, console or json. `secrets`: texts never to be written. `libraries`: the least of what libraries log.
    """
    out = stream or sys.stderr
    console = writes_for_people(form, out)
    steady = SteadyStream(lambda: stream or sys.stderr)
    hide(secrets)
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        adding(role=role),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        trace_errors,
        mask,
        bound,
        renderer(console=console, colors=out.isatty()),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: SteadyLogger(steady),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(libraries)
    for name in TOLD_BY_US:
        logging.getLogger(name).setLevel(logging.CRITICAL if libraries > logging.DEBUG else libraries)
    if level == "debug":
        logging.getLogger(ACCESS).setLevel(logging.INFO)
    gather_libraries()
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_died


def writes_for_people(form: str, stream: TextIO | None = None) -> bool:
    """Return whether a log of this `form` is lines for people; JSON otherwise."""
    return form == "console" or (form == "auto" and (stream or sys.stderr).isatty())


def gather_libraries() -> None:
    """Have every logger there is now write through the one handler: some libraries bring handlers of their own.

    Called again once a role has loaded its libraries (torch).
    """
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger) and logger.handlers:
            quiet = all(isinstance(handler, logging.NullHandler) for handler in logger.handlers)
            if not (quiet and logger.propagate):
                logger.handlers.clear()
                logger.propagate = True


def answer(event: str, **facts: Any) -> None:
    """Write a line whatever log.level is: somebody asked for it just now, as with Ctrl-C."""
    structlog.wrap_logger(None, wrapper_class=_EVERYTHING).info(event, **facts)


class Damper:
    """Lets a line through once in `repeat_s` seconds, and says how many like it were held back since."""

    def __init__(self, repeat_s: float = REPEAT_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._repeat_s = repeat_s
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, line: str) -> int | None:
        """Return how many lines like this one were held back, or None where this one is held back too."""
        kind = _NUMBERS.sub("#", line)
        now = self._clock()
        with self._lock:
            since, held = self._seen.get(kind, (None, 0))
            if since is not None and now - since < self._repeat_s:
                self._seen[kind] = (since, held + 1)
                return None
            self._seen[kind] = (now, 0)
            self._seen.move_to_end(kind)
            while len(self._seen) > KINDS_MAX:
                self._seen.popitem(last=False)
            return held


class _Forward(logging.Handler):
    """Hands lines of the standard library's loggers on to structlog."""

    def __init__(self) -> None:
        super().__init__()
        self._damper = Damper()

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name}
        event = _told(record)
        if record.name != ACCESS:
            # A warning of Python's has one format for all; its text tells them apart.
            kind = event if record.name == WARNINGS else str(record.msg)
            held = self._damper.admit(f"{record.name}{record.levelno}{kind}")
            if held is None:
                return
            facts |= {"repeated": held} if held else {}
        if record.exc_info:
            facts["exc_info"] = record.exc_info
        structlog.get_logger().log(record.levelno, event, **facts)


def _told(record: logging.LogRecord) -> str:
    """Return the line's text: one that does not fit its arguments is no reason to raise within a library."""
    try:
        told = record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"
    # Of a warning the first line says where and what; the second is the source text of that place.
    return told.strip().partition("\n")[0] if record.name == WARNINGS else told


def _thread_died(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else ""
    structlog.get_logger().critical("a thread died", thread=name, exc_info=args.exc_value)
