"""Logging: structlog to standard error, a line for people on a terminal, else JSON with UTC timestamps and the role.

What libraries log through the standard library passes through here too, from warnings on, and never as a storm: what
repeats is written once a minute, with its count. Secrets are masked wherever they turn up.
"""

import logging
import re
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from daemon.log_stream import SteadyLogger, SteadyStream
from daemon.masking import MASK, hide, masked

TOLD_BY_US = ("kafka.net", "kafka.cluster", "kafka.coordinator")
"""Lines of a client about its connections: an outage is told by whoever waits for it, once and with the cure."""
REPEAT_S = 60.0
"""Seconds within which a library's line that repeats is only counted."""
KINDS_MAX = 256
"""Different lines that are remembered."""
TRACEBACK_MAX = 20_000
"""Characters of a traceback: one that recurses is longer than whoever reads it has time for."""
_SECRET_KEY = re.compile(r"password|passwd|secret|token|authorization", re.IGNORECASE)
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


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
    console = form == "console" or (form == "auto" and out.isatty())
    steady = SteadyStream(lambda: stream or sys.stderr)
    hide(secrets)
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _adding_role(role),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _mask,
        _renderer(console=console, colors=out.isatty()),
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
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_died


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an error and of what caused it, for a line's `exception`; of a long one the end.

    As text: to hand over the error itself would have some renderers print each frame's variables, pictures included.
    """
    return "".join(traceback.format_exception(error))[-TRACEBACK_MAX:].strip()


def _renderer(*, console: bool, colors: bool) -> Processor:
    if not console:
        return structlog.processors.JSONRenderer(default=str)
    # Exceptions are masked texts by now; the default formatter would print each frame's variables, secrets included.
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def _adding_role(role: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("role", role)
        return event

    return add


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        event[key] = MASK if _SECRET_KEY.search(key) and value else _masked(value)
    return event


def _masked(value: object) -> object:
    """Return a value without secrets, also where it lies in a list or a mapping; an error as its text."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, BaseException):
        return masked(f"{type(value).__name__}: {value}")
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(one) for one in value]
    if isinstance(value, dict):
        return {key: MASK if _SECRET_KEY.search(str(key)) and one else _masked(one) for key, one in value.items()}
    return value if isinstance(value, int | float | None) else masked(str(value))


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
        held = self._damper.admit(f"{record.name}{record.levelno}{record.msg}")
        if held is None:
            return
        facts = {"logger": record.name, **({"repeated": held} if held else {})}
        if record.exc_info:
            facts["exc_info"] = record.exc_info
        structlog.get_logger().log(record.levelno, record.getMessage(), **facts)


def _thread_died(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else ""
    structlog.get_logger().error("a thread died", thread=name, exc_info=args.exc_value)
