"""What becomes of a log line's facts: secrets masked, sizes bounded, one line each."""

import json
import math
import re
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from daemon.masking import MASK, masked

TRACEBACK_MAX = 20_000
"""Characters of a traceback: one that recurses is longer than whoever reads it has time for."""
TEXT_MAX = 20_000
"""Characters of any other text: what a library puts into its message may be a whole answer of a server."""
_SECRET_KEY = re.compile(r"password|passwd|secret|token|authorization", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an error and of what caused it, for a line's `exception`; of a long one both ends.

    As text: to hand over the error itself would have some renderers print each frame's variables, pictures included.
    """
    text = "".join(traceback.format_exception(error)).strip()
    if len(text) <= TRACEBACK_MAX:
        return text
    # Which call it began with, and what was raised where: an error's own words may be longer than all frames.
    return f"{text[: TRACEBACK_MAX // 4]}\n… (cut)\n{text[-(3 * TRACEBACK_MAX // 4 - 10) :]}"


def trace_errors(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn `exc_info` (an error, a triple, or True within `except`) into the text `exception`."""
    given = event.pop("exc_info", None)
    if given:
        error = _error_of(given)
        event["exception"] = traceback_of(error) if error is not None else "no error was handed over"
    return event


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    error: BaseException | None = (given if isinstance(given, tuple) else sys.exc_info())[1]
    return error


def adding(**facts: object) -> Processor:
    """Return a processor that adds facts to each line that does not say them itself."""

    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        for key, value in facts.items():
            event.setdefault(key, value)
        return event

    return add


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what is secret, and whatever looks like it."""
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


def bound(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut texts that are too long, and say how much is missing; a traceback is cut already."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > TEXT_MAX and key != "exception":
            event[key] = f"{value[:TEXT_MAX]}… ({len(value) - TEXT_MAX} characters more)"
    return event


def renderer(*, console: bool, colors: bool) -> Processor:
    """Return what makes one line of a line's facts; for people (`console`) a traceback follows on lines of its own."""
    if not console:
        return _as_json
    # Exceptions are masked texts by now; the default formatter would print each frame's variables, secrets included.
    people = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)

    def render(logger: WrappedLogger, method: str, event: EventDict) -> Any:
        # What a record or a server says must neither begin a line of its own nor move the terminal's cursor.
        for key, value in event.items():
            if isinstance(value, str) and key != "exception" and _CONTROL.search(value):
                event[key] = _CONTROL.sub(lambda match: repr(match[0])[1:-1], value)
        return people(logger, method, event)

    return render


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    try:
        return json.dumps(event, default=str, allow_nan=False)
    except ValueError:  # nan and inf are no JSON, and strict readers refuse the whole line
        return json.dumps(_finite(event), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
